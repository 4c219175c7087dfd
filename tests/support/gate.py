"""Short ways to say what a test of the gate is about."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from domain.model import Value
from domain.reservation import Intent, ReserveRequest
from domain.sale import Admission, ItemRef, ItemTerms
from domain.sale_command import CommandKind, SaleCommand
from infra.redis.intent_groups import Group
from infra.redis.keys import LIVE_STREAMS, ItemKeys
from infra.redis.reservation_lines import units_of
from infra.redis.stock_gate import StockGate

ITEM = ItemRef(sale_id="SALE1", sku_id="sku-1")
OTHER_ITEM = ItemRef(sale_id="SALE1", sku_id="sku-2")
LONG_AGO_MS = 1_000
FAR_AHEAD_MS = 4_000_000_000_000

Seen = TypeVar("Seen")


class Backlog(Value):
    """`waiting`: not yet a workflow, the `pending` ones included (taken by a consumer)."""

    waiting: int
    pending: int
    dead: int


async def eventually(
    look: Callable[[], Awaitable[Seen]], right: Callable[[Seen], bool], seconds: float = 20.0
) -> Seen:
    """What `look` sees once it is right, or what it saw last when the time was up."""
    deadline = asyncio.get_running_loop().time() + seconds
    seen = await look()
    while not right(seen) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.03)
        seen = await look()
    return seen


async def stream_of(redis: Redis, key: str) -> list[dict[str, str]]:
    """What each entry of a stream says, oldest first."""
    entries = cast(list[tuple[str, dict[str, str]]], await redis.xrange(key))
    return [fields for _, fields in entries]


async def stock_left(gate: StockGate, item: ItemRef = ITEM) -> int | None:
    """Now; what buyers are shown may be a second old."""
    return (await gate.tally(item)).stock


async def buyers_of(redis: Redis, item: ItemRef = ITEM) -> dict[str, int]:
    """Units that each user holds or owns, as the gate counts them."""
    lines = await redis.hgetall(ItemKeys.of(item).buyers)
    return {str(user_id): units_of(str(line)) for user_id, line in lines.items()}


async def backlog_of(redis: Redis, item: ItemRef = ITEM, group: Group = Group.START) -> Backlog:
    """As the group sees it."""
    keys = ItemKeys.of(item)
    pipeline = redis.pipeline(transaction=False)
    pipeline.xlen(keys.intents)
    pipeline.xlen(keys.dead)
    pipeline.xinfo_groups(keys.intents)
    waiting, dead, groups = await pipeline.execute(raise_on_error=False)
    # A stream that nobody has written to or read from yet has no groups to ask for.
    known: list[dict[str, Any]] = [] if isinstance(groups, ResponseError) else groups
    pending = sum(one["pending"] for one in known if one["name"] == group)
    return Backlog(waiting=waiting, pending=pending, dead=dead)


async def put_in_stream(redis: Redis, fields: dict[str, str], item: ItemRef = ITEM) -> None:
    """What no gate wrote, where an accepted intent would lie."""
    key = ItemKeys.of(item).intents
    await redis.xadd(key, cast(dict[Any, Any], fields))
    await redis.sadd(LIVE_STREAMS, key)


async def set_paused(gate: StockGate, item: ItemRef, paused: bool = True) -> None:
    """As a sale that pauses, or goes on."""
    terms = await gate.terms(item)
    assert terms is not None
    await gate.commands.write(terms.model_copy(update={"paused": paused}))


def stop_command(kind: CommandKind = CommandKind.PAUSE, key: str = "a stop") -> SaleCommand:
    return SaleCommand(kind=kind, actor="operator:olga", key=key, digest=key)


def terms_of(
    item: ItemRef = ITEM,
    *,
    number: int = 1,
    limit: int = 2,
    starts_at_ms: int = LONG_AGO_MS,
    ends_at_ms: int = FAR_AHEAD_MS,
    paused: bool = False,
    admission: Admission = Admission.OPEN,
    **room: Any,
) -> ItemTerms:
    return ItemTerms(
        item_number=number,
        sale_id=item.sale_id,
        sku_id=item.sku_id,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        per_user_limit=limit,
        paused=paused,
        requires_entry_token=admission is not Admission.OPEN,
        drawn=admission is Admission.DRAW,
        **room,
    )


def request_for(
    order_id: str,
    user_id: str = "alice",
    quantity: int = 1,
    *,
    item: ItemRef = ITEM,
    key: str = "",
    announce: bool = True,
    late: bool = False,
    pass_units: int = 0,
) -> ReserveRequest:
    return ReserveRequest(
        item=item,
        order_id=order_id,
        user_id=user_id,
        quantity=quantity,
        idempotency_key=key,
        announce=announce,
        late=late,
        pass_units=pass_units,
    )


def intent_for(order_id: str, user_id: str = "alice", quantity: int = 1) -> Intent:
    return Intent(
        order_id=order_id,
        sale_id=ITEM.sale_id,
        sku_id=ITEM.sku_id,
        user_id=user_id,
        quantity=quantity,
    )
