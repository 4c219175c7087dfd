"""What all tables share: one schema, one way to name constraints, one kind of moment.

Text from outside has no length in any table: a row that does not fit would be retried for ever.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, func

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, words: Iterable[str]) -> str:
    """A check's text: the column holds one of the domain's words."""
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


def moment(name: str, *, nullable: bool = False, default_now: bool = False) -> Column[Any]:
    default = func.clock_timestamp() if default_now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)
