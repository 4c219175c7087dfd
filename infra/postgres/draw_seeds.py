"""Seeds of draws: made once per sale, inside Postgres, and read only to draw and to be shown.

A seed is no parameter and no answer before its pools have ended, so no log and no trace of an
error can hold one.
"""

from typing import NamedTuple

from sqlalchemy import RowMapping, exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.draw import CommittedSeed
from domain.sale import ItemRef
from infra.postgres.queries import happened
from infra.postgres.tables.rooms import draw_seeds, rooms

# Two random UUIDs hold 244 bits of chance, of the server's own strong source.
_COMMIT = text("""
    WITH made AS MATERIALIZED (
        SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) AS seed
    )
    INSERT INTO draw_seeds (sale_id, seed, commitment, beacon_source)
    SELECT :sale_id, seed, sha256(seed), :beacon_source FROM made
    ON CONFLICT DO NOTHING
""")


class Promise(NamedTuple):
    commitment: bytes
    beacon_source: str | None
    beacon: str | None


class DrawSeeds:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def commit(self, sale_id: str, beacon_source: str | None = None) -> None:
        """Makes the sale's seed and its commitment; those that stand stay, for ever."""
        said = {"sale_id": sale_id, "beacon_source": beacon_source}
        await self._connection.execute(_COMMIT, said)

    async def set_beacon(self, sale_id: str, beacon: str) -> bool:
        """The value of the beacon named at publish, once. False if none was named, or its value
        stands already."""
        column = draw_seeds.c
        query = (
            update(draw_seeds)
            .where(
                column.sale_id == sale_id,
                column.beacon_source.is_not(None),
                column.beacon.is_(None),
            )
            .values(beacon=beacon)
        )
        return await happened(self._connection, query)

    async def promise(self, sale_id: str) -> Promise | None:
        """What everybody may know of it from the first moment."""
        columns = [draw_seeds.c[name] for name in Promise._fields]
        query = select(*columns).where(draw_seeds.c.sale_id == sale_id)
        row = (await self._connection.execute(query)).one_or_none()
        return Promise(*row) if row else None

    async def to_draw(self, sale_id: str) -> CommittedSeed | None:
        """For a pool that has ended; whoever else asks could choose the winners."""
        query = select(draw_seeds).where(draw_seeds.c.sale_id == sale_id)
        return _seed((await self._connection.execute(query)).mappings().one_or_none())

    async def shown(self, item: ItemRef) -> CommittedSeed | None:
        """Once the item's pool has ended, and that of every other room of its sale: one seed
        decides them all. None before that."""
        of_sale = rooms.c.sale_id == item.sale_id
        has_ended = rooms.c.digest.is_not(None)
        query = select(draw_seeds).where(
            draw_seeds.c.sale_id == item.sale_id,
            exists().where(of_sale, rooms.c.sku_id == item.sku_id, has_ended),
            ~exists().where(of_sale, ~has_ended),
        )
        return _seed((await self._connection.execute(query)).mappings().one_or_none())


def _seed(row: RowMapping | None) -> CommittedSeed | None:
    return CommittedSeed.model_validate(row) if row else None
