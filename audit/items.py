"""Which items there are."""

from audit.sources import AuditSources
from domain.sale import ItemRef
from infra.postgres.stock import Stock


async def all_items(sources: AuditSources) -> list[ItemRef]:
    """Those Postgres has and those Redis' directory lists: either may have lost some."""
    async with sources.database.transaction() as connection:
        known = [item.ref for item in await Stock(connection).items()]
    listed = await sources.intents.items()
    return list(dict.fromkeys([*known, *listed]))
