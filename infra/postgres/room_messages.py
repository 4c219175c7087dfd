"""What those who have a place in a room are told: owed with their tickets, told afterwards."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import asyncpg

from domain.buyer_message import MessageTopic, RoomMessage
from domain.sale import ItemRef
from infra.postgres.engine import Driver

_SQL = Path(__file__).parent / "sql" / "rooms"
_OWE_CALLS, _OWE_ENDS, _CLAIM, _TOLD, _END_ROOMS = (
    (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    for name in ("owe_calls", "owe_ends", "claim_messages", "told_messages", "end_rooms")
)


class DueMessage(NamedTuple):
    """`tries`: with the one that is made now."""

    message: RoomMessage
    tries: int

    @property
    def item(self) -> ItemRef:
        return ItemRef(sale_id=self.message.sale_id, sku_id=self.message.sku_id)


class RoomMessages:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def owe_calls(self, item: ItemRef, calls: Sequence[tuple[str, int]]) -> None:
        """Users, each with the number under which he was called."""
        if calls:
            users, numbers = zip(*calls, strict=True)
            await self._driver.execute(
                _OWE_CALLS, item.sale_id, item.sku_id, list(users), list(numbers)
            )

    async def owe_ends(self, item: ItemRef) -> None:
        """To everybody who has a place."""
        await self._driver.execute(_OWE_ENDS, item.sale_id, item.sku_id)

    async def end_rooms(self, ended_seconds_ago: float) -> list[ItemRef]:
        """Rooms whose sale is over for so long, each once."""
        rows = await self._driver.fetch(_END_ROOMS, ended_seconds_ago)
        return [ItemRef(sale_id=row["sale_id"], sku_id=row["sku_id"]) for row in rows]

    async def claim(self, limit: int, lease_seconds: float) -> list[DueMessage]:
        """Those that are due, calls first. Nobody else has them for the length of the lease, and
        who does not say `told` has them told again after it."""
        rows = await self._driver.fetch(_CLAIM, limit, lease_seconds)
        return [DueMessage(_message(row), row["tries"]) for row in rows]

    async def note(self, outcomes: Iterable[tuple[DueMessage, float | None]]) -> None:
        """What became of each that was claimed: None for told, else seconds till its next try."""
        lines = [(*_key(due.message), pause is None, pause or 0.0) for due, pause in outcomes]
        if lines:
            await self._driver.execute(_TOLD, *map(list, zip(*lines, strict=True)))


def _message(row: asyncpg.Record) -> RoomMessage:
    names = ("ticket", "topic", "user_id", "sale_id", "sku_id", "title")
    is_call = row["topic"] == MessageTopic.CALLED
    return RoomMessage.model_validate(
        {
            **{name: row[name] for name in names},
            "quantity": row["units"],
            "number": row["number"] if is_call else None,
        }
    )


def _key(message: RoomMessage) -> tuple[str, str, str, str, int]:
    return (
        message.sale_id,
        message.sku_id,
        message.user_id,
        message.topic.value,
        message.number or 0,
    )
