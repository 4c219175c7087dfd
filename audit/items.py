"""Which items there are."""

from audit.sources import AuditSources
from domain.sale import ItemRef
from infra.postgres.stock import Stock


async def all_items(sources: AuditSources) -> list[ItemRef]:
    """Those Postgres has and has not retired, and those Redis' directory lists: either may have
    lost some."""
    async with sources.database.transaction() as connection:
        known = [item.ref for item in await Stock(connection).items() if item.retired_at is None]
    listed = await sources.intents.items()
    return list(dict.fromkeys([*known, *listed]))
