"""What the planner may choose on another day, by other statistics."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_EVERY_OTHER_WAY = ("hashjoin", "mergejoin", "material", "hashagg", "sort")


async def row_by_row(connection: AsyncConnection) -> None:
    """Have this transaction's queries planned as nested loops, which run a subquery per row."""
    for way in _EVERY_OTHER_WAY:
        await connection.execute(text(f"SET LOCAL enable_{way} = off"))
