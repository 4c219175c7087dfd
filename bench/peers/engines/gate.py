"""A peer's side of Redis: the same reservation and the same durable queue for all of them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from redis.asyncio import Redis
from redis.exceptions import ResponseError

GROUP = "orders"
# A fixed name, so that a new process rereads what the dead one had in hand. It allows one only.
CONSUMER = "one"
BLOCK_MS = 500
CLICKS_PER_CALL = 250
# Milliseconds since 1970 that nobody lives to see.
NEVER_ENDS = 9 * 10**15

_LUA = Path(__file__).parent / "lua"


@dataclass(frozen=True)
class Item:
    sale_id: str
    sku_id: str


@dataclass(frozen=True)
class Intent:
    """An accepted click."""

    order_id: str
    user_id: str
    quantity: int
    sale_id: str
    sku_id: str

    @property
    def item(self) -> Item:
        return Item(self.sale_id, self.sku_id)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Sold:
    """An order whose money is booked."""

    order_id: str
    item: Item


class PeerGate:
    def __init__(self, redis: Redis, peer: str) -> None:
        self._redis = redis
        self._peer = peer
        self._stream = f"peer:{peer}:stream"
        self._digests: dict[str, str] = {}

    @classmethod
    async def open_(cls, url: str, peer: str) -> Self:
        """Makes the peer's stream, where there is none yet."""
        gate = cls(Redis.from_url(url, decode_responses=True), peer)
        for name in ("reserve", "sell", "release"):
            text = (_LUA / f"{name}.lua").read_text(encoding="utf-8")
            gate._digests[name] = await gate._redis.script_load(text)
        with suppress(ResponseError):
            await gate._redis.xgroup_create(gate._stream, GROUP, id="0", mkstream=True)
        return gate

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def put_on_sale(self, item: Item, stock: int) -> None:
        terms: Any = {"stock": stock, "starts": 0, "ends": NEVER_ENDS}
        await self._redis.hset(self._keys(item)[0], mapping=terms)

    async def reserve(self, intents: Sequence[Intent]) -> list[str]:
        """Each answers `reserved`, or why not; a reserved one stands in the stream."""
        answers: list[str] = []
        for at in range(0, len(intents), CLICKS_PER_CALL):
            pipe = self._redis.pipeline(transaction=False)
            for one in intents[at : at + CLICKS_PER_CALL]:
                keys = (*self._keys(one.item), self._stream)
                pipe.evalsha(
                    self._digests["reserve"],
                    len(keys),
                    *keys,
                    *(one.order_id, one.user_id, str(one.quantity)),
                )
            answers += await pipe.execute()
        return answers

    async def sell(self, sold: Sequence[Sold]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for one in sold:
            pipe.evalsha(self._digests["sell"], 1, self._keys(one.item)[2], one.order_id)
        await pipe.execute()

    async def release(self, intent: Intent) -> None:
        keys = self._keys(intent.item)
        pipe = self._redis.pipeline(transaction=False)
        pipe.evalsha(self._digests["release"], len(keys), *keys, intent.order_id)
        await pipe.execute()

    async def reservations(self, item: Item) -> list[str]:
        """`held`, `sold` or `released`, one for each order of the item."""
        lines: Any = await self._redis.hvals(self._keys(item)[2])
        return [line.split(" ")[0] for line in lines]

    async def consume(self, count: int, handle: Callable[[list[Intent]], Awaitable[None]]) -> None:
        """First what a process before this one had in hand when it died, then what is new."""
        cursor = "0"
        while True:
            entries = await self._read(cursor, count)
            if not entries:
                cursor = ">"
                continue
            if cursor != ">":
                cursor = entries[-1][0]
            await handle([_intent(fields) for _, fields in entries])
            ids = [entry_id for entry_id, _ in entries]
            pipe = self._redis.pipeline(transaction=False)
            pipe.xack(self._stream, GROUP, *ids)
            pipe.xdel(self._stream, *ids)
            await pipe.execute()

    async def _read(self, cursor: str, count: int) -> list[tuple[str, dict[str, str]]]:
        block = BLOCK_MS if cursor == ">" else None
        found: Any = await self._redis.xreadgroup(
            GROUP, CONSUMER, {self._stream: cursor}, count=count, block=block
        )
        # RESP3 answers a mapping with one more list around the entries.
        if isinstance(found, dict):
            return next(iter(found.values()))[0] if found else []
        return found[0][1] if found else []

    def _keys(self, item: Item) -> tuple[str, str, str]:
        """Item, buyers, reservations; one slot."""
        slot = f"peer:{self._peer}:{{{item.sale_id}:{item.sku_id}}}"
        return f"{slot}:item", f"{slot}:buyers", f"{slot}:reservations"


def _intent(fields: dict[str, str]) -> Intent:
    slot = fields["item"].partition("{")[2].partition("}")[0]
    sale_id, _, sku_id = slot.partition(":")
    return Intent(fields["order_id"], fields["user_id"], int(fields["quantity"]), sale_id, sku_id)
