"""Draws as everybody may see them: what was promised, and once it is over all there is to check."""

import asyncio

from api.problems import Outage
from domain.draw import leaves_in, places_in
from domain.room import DrawFacts
from domain.sale import ItemRef
from infra.postgres.draw_seeds import DrawSeeds
from infra.postgres.engine import Database
from infra.postgres.rooms import Rooms
from infra.single_flight import SingleFlight

MAX_REMEMBERED = 1_000
# The list of 100,000 people has 6.5 MB.
LISTS_REMEMBERED = 4


class ShownDraws:
    """Raises what Postgres raises while it is away and was not asked before."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._facts: SingleFlight[ItemRef, DrawFacts] = SingleFlight(MAX_REMEMBERED, outages=Outage)
        self._lists: SingleFlight[ItemRef, bytes | None] = SingleFlight(
            LISTS_REMEMBERED, outages=Outage
        )
        self._places: SingleFlight[ItemRef, bytes | None] = SingleFlight(
            LISTS_REMEMBERED, outages=Outage
        )

    async def facts(self, item: ItemRef) -> DrawFacts:
        """At most a second old; nothing of a sale that draws no lots."""

        async def read() -> DrawFacts:
            async with self._database.transaction() as connection:
                promise = await DrawSeeds(connection).promise(item.sale_id)
                room = await Rooms(connection).get(item)
                seed = await DrawSeeds(connection).shown(item)
            return DrawFacts(
                seed_commitment=promise and promise.commitment.hex(),
                seed=seed.seed.hex() if seed else None,
                digest=room.digest.hex() if room and room.digest else None,
                beacon=promise and promise.beacon,
                beacon_source=promise and promise.beacon_source,
            )

        return await self._facts.get(item, read)

    async def leaves(self, item: ItemRef) -> bytes | None:
        """The list, a line for each index; None before the draw."""

        async def read() -> bytes | None:
            async with self._database.transaction() as connection:
                drawn = await Rooms(connection).drawn(item)
            return await _lines(leaves_in(drawn.leaves)) if drawn else None

        return await self._lists.get(item, read)

    async def places(self, item: ItemRef) -> bytes | None:
        """The places beside that list; None before the draw."""

        async def read() -> bytes | None:
            async with self._database.transaction() as connection:
                drawn = await Rooms(connection).drawn(item)
            return await _lines(places_in(drawn.places)) if drawn else None

        return await self._places.get(item, read)


async def _lines(column: list[bytes] | list[int | None]) -> bytes:
    def write() -> bytes:
        texts = (one.hex() if isinstance(one, bytes) else str(one or "") for one in column)
        return "".join(f"{text}\n" for text in texts).encode()

    # The loop would stand still for a large list.
    return await asyncio.to_thread(write)
