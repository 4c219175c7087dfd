"""What commands to a sale change at the gate, item by item; each write says the sale's version."""

import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Self

from pydantic import ValidationError
from redis.asyncio import Redis

from domain.sale import ItemRef, ItemTerms
from domain.sale_command import SaleCommand
from infra.redis.item_snapshots import STOCK, terms_fields
from infra.redis.keys import LIVE_ROOMS, ItemKeys, RoomKeys, directory_line
from infra.redis.reservation_lines import units_of
from infra.redis.scripts import Scripts


class Verdict(StrEnum):
    WRITTEN = "written"
    # The gate is at a later version.
    OLDER = "older"
    # So many units cannot be taken back.
    SHORT = "short"
    UNKNOWN = "unknown"
    # Another repair of the item began.
    OVERTAKEN = "overtaken"


class Written(NamedTuple):
    """`number`: the version that is there, or the units that could be taken back."""

    verdict: Verdict
    number: int


class Stop(NamedTuple):
    """What stopped an item. `text`: as the gate keeps it. `at_ms`: by Redis' clock."""

    text: str
    at_ms: int
    command: SaleCommand

    @classmethod
    def parse(cls, text: str) -> Self | None:
        _, at_ms, said = (*text.split(" ", 2), "", "")[:3]
        try:
            return cls(text, int(at_ms), SaleCommand.model_validate_json(said))
        except (ValueError, ValidationError):
            return None


class Followed(NamedTuple):
    """`version`: None for an item the gate does not know. `is_stopped`: by what is not known to be
    on record."""

    version: int | None
    is_stopped: bool


class GateCommands:
    """`forget`: told of each item that was changed. Raises RedisError while Redis is away."""

    def __init__(self, redis: Redis, scripts: Scripts, forget: Callable[[ItemRef], None]) -> None:
        self._redis = redis
        self._scripts = scripts
        self._forget = forget

    async def write(
        self,
        terms: ItemTerms,
        *,
        total: int | None = None,
        new_stock: int | None = None,
        only_free: bool = False,
        settled: str = "",
    ) -> Written:
        """The item's terms and how many units there are of it. `new_stock`: units left of an item
        the gate does not know yet; None leaves it unknown. `only_free`: take back none that are
        held or promised. `settled`: the stop that is on record by now."""
        keys = ItemKeys.of(terms.ref)
        said = ["" if number is None else number for number in (total, new_stock)]
        verdict, number = await self._scripts.preheat(
            [keys.item, keys.reservations],
            [terms.version, *said, int(only_free), settled, *terms_fields(terms)],
        )
        self._forget(terms.ref)
        if verdict == Verdict.WRITTEN:
            await self.make_live(terms)
        return Written(Verdict(verdict), int(number))

    async def stop(self, item: ItemRef, command: SaleCommand) -> Stop | None:
        """Nobody orders it from now on. None for an item the gate does not know."""
        said = [command.kind, command.model_dump_json()]
        text = await self._scripts.stop([ItemKeys.of(item).item], said)
        self._forget(item)
        return Stop.parse(text) if text else None

    async def stop_of(self, item: ItemRef) -> Stop | None:
        """What stopped it and is not known to be on record."""
        text = await self._redis.hget(ItemKeys.of(item).item, "stopped")
        return Stop.parse(str(text)) if text else None

    async def followed(self, items: Sequence[ItemRef]) -> list[Followed]:
        """How far the gate has followed, item by item."""
        if not items:
            return []
        looks = self._redis.pipeline(transaction=False)
        for item in items:
            looks.hmget(ItemKeys.of(item).item, [STOCK, "version", "stopped"])
        # Of what an earlier release wrote there was no other version than the first.
        return [
            Followed(None if stock is None else int(version or 1), stopped is not None)
            for stock, version, stopped in await looks.execute()
        ]

    async def is_unknown(self, item: ItemRef) -> bool:
        return not await self._redis.hexists(ItemKeys.of(item).item, STOCK)

    async def most_units(self, item: ItemRef) -> int:
        """What the buyer who has most of it has."""
        lines = await self._redis.hvals(ItemKeys.of(item).buyers)
        return max((units_of(str(line)) for line in lines), default=0)

    async def begin_repair(self, item: ItemRef) -> str:
        """Nobody orders it until `StockGate.rebuild` is done, or the repair of this name given
        up."""
        repair = secrets.token_hex(8)
        await self._scripts.repair([ItemKeys.of(item).item], [repair, 0])
        self._forget(item)
        return repair

    async def give_up_repair(self, item: ItemRef, repair: str) -> None:
        await self._scripts.repair([ItemKeys.of(item).item], [repair, 1])
        self._forget(item)

    async def make_live(self, terms: ItemTerms) -> None:
        """Its room gets turns, if it has one."""
        # A waiting list that was over goes on when there are units again.
        room = RoomKeys.of(terms.ref).room
        if terms.requires_entry_token or await self._redis.exists(room):
            await self._redis.sadd(LIVE_ROOMS, directory_line(terms.ref))
