"""The gate: where a click becomes an order or a clear refusal.

Plain ASGI on purpose. At the start of a sale nearly all requests come here, and dependency
injection, request objects and exception handlers would cost more than the work itself. Nearly all
come through `api/front.py`, the rest through the edge; both hear the same.
"""

import json
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.addresses import CameFrom, came_from
from api.auth import Caller, only
from api.deps import Services
from api.gate_answers import Answer, accepted, plainly_refused, refused, send_answer, sold_out
from api.limits import Traffic
from api.problems import invalid
from api.rooms import moment_of, refuse_without_claim
from api.routes.names import is_name
from api.seals import Pass
from api.validation import MAX_TEXT
from domain.errors import ErrorCode, Refusal
from domain.ids import new_order_id
from domain.reservation import GateAnswer, GateVerdict, ReserveRequest
from domain.sale import ItemRef, ItemTerms
from infra.redis.stock_gate import Overloaded

PATH = "/v1/sales/{sale_id}/items/{sku_id}/orders"
MAX_QUANTITY = 1000
MAX_KEY_LENGTH = 128

_CONSTANT_REFUSALS = {
    GateVerdict.NOT_FOUND: ErrorCode.NOT_FOUND,
    GateVerdict.PAUSED: ErrorCode.PAUSED,
    GateVerdict.SOLD_OUT: ErrorCode.SOLD_OUT,
    GateVerdict.IDEMPOTENCY_MISMATCH: ErrorCode.IDEMPOTENCY_MISMATCH,
    GateVerdict.ENTRY_TOKEN_INVALID: ErrorCode.ENTRY_TOKEN_INVALID,
}


class Click(NamedTuple):
    """What a request says, judged by nobody yet; its headers as often as they came."""

    sale_id: str
    sku_id: str
    authorizations: Sequence[bytes]
    keys: Sequence[bytes]
    entry_tokens: Sequence[bytes] = ()
    came_from: CameFrom = CameFrom()


class OrderGate:
    """The long way: inside the edge, which dresses and counts what is answered."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        services: Services = scope["app"].state.services
        said: list[tuple[bytes, bytes]] = list(scope["headers"])
        click = Click(
            scope["path_params"]["sale_id"],
            scope["path_params"]["sku_id"],
            [value for name, value in said if name == b"authorization"],
            [value for name, value in said if name == b"idempotency-key"],
            [value for name, value in said if name == b"x-entry-token"],
            came_from(scope),
        )
        await send_answer(send, await answer(services, click, receive))


route = Route(PATH, OrderGate(), methods=["POST"], name="place_order")


async def answer(services: Services, click: Click, receive: Receive) -> Answer:
    """To any click. Needs Redis alone, and raises what it raises; ClientDisconnect where the
    caller has gone."""
    clicks = services.limits.clicks
    clicks.under_way += 1
    try:
        if clicks.under_way > clicks.most:
            services.metrics.limited(Traffic.CLICKS, ErrorCode.OVERLOADED)
            given = plainly_refused(ErrorCode.OVERLOADED)
        else:
            given = await _reserve(services, click, receive)
    except Refusal as refusal:
        given = refused(refusal)
    finally:
        clicks.under_way -= 1
    services.metrics.gate_answered(given.verdict)
    return given


async def _reserve(services: Services, click: Click, receive: Receive) -> Answer:
    key = _key(click.keys)
    caller = await _caller(services, click)
    # Before anything is done for him: an account that clicks without end takes nobody's turn.
    if not services.limits.may_click(caller.user_id):
        return plainly_refused(ErrorCode.RATE_LIMITED)
    quantity = _quantity(await _read(receive))
    item = _item(click.sale_id, click.sku_id)
    terms = await _terms(services, item)
    if terms.requires_claim:
        refuse_without_claim(terms, caller)
    # A pass, and who needs one, are Redis' to judge.
    is_plain = not (click.entry_tokens or terms.requires_entry_token)
    if is_plain and services.sold_out.refuses(item, caller.user_id, quantity):
        services.metrics.sold_out_from_memory.inc()
        return sold_out(services.sold_out.waiting(item), for_now=True)
    to_go = await services.backlog.seconds_to_go()
    # An order accepted now might come to its deadline before anybody watches over it.
    is_full = bool(to_go) and to_go > await services.sales.seconds_to_pay(terms.sale_id) / 2
    if click.entry_tokens:
        order_id, pass_units = _entry(services, click.entry_tokens, item, caller)
    else:
        order_id = new_order_id(terms.item_number, time.time_ns() // 1_000_000)
        pass_units = 0
    request = ReserveRequest(
        item=item,
        order_id=order_id,
        user_id=caller.user_id,
        quantity=quantity,
        idempotency_key=key,
        announce=True,
        known_only=is_full,
        pass_units=pass_units,
    )
    try:
        reserved = await services.gate.reserve(request)
    except Overloaded as error:
        raise Refusal(ErrorCode.OVERLOADED, "too many people at once; try again") from error
    if reserved.verdict is GateVerdict.NOT_YOUR_TURN:
        await services.rooms.refuse_click(item, caller, terms)
    if reserved.verdict is GateVerdict.SOLD_OUT and is_plain:
        await _find_sold_out(services, item, caller, reserved)
    return _answer_to(reserved, order_id)


async def _find_sold_out(
    services: Services, item: ItemRef, caller: Caller, reserved: GateAnswer
) -> None:
    """Raises Refusal where a unit is kept for who clicks."""
    services.sold_out.learn(item)
    # Not where nobody waits any more: the last one may just be called.
    if reserved.waiting is not None:
        await services.rooms.refuse_called(item, caller)


async def _caller(services: Services, click: Click) -> Caller:
    authorization = only([value.decode("latin-1") for value in click.authorizations])
    try:
        return await services.tokens.caller(authorization)
    except Refusal as refusal:
        if refusal.code is ErrorCode.UNAUTHENTICATED:
            services.limits.failed(click.came_from, Traffic.STRANGERS)
        raise


def _entry(services: Services, tokens: Sequence[bytes], item: ItemRef, caller: Caller) -> Pass:
    if len(tokens) > 1:
        raise Refusal(ErrorCode.ENTRY_TOKEN_INVALID, "one entry token, not several")
    return services.rooms.seals.read_pass(tokens[0].decode("latin-1"), item, caller.user_id)


def _key(keys: Sequence[bytes]) -> str:
    """Empty for none."""
    if not keys:
        return ""
    key = keys[0].decode("latin-1")
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        why = f"1 to {MAX_KEY_LENGTH} printable ASCII characters"
        raise invalid(["header", "Idempotency-Key"], why)
    if len(keys) > 1:
        raise invalid(["header", "Idempotency-Key"], "one key, not several")
    return key


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return body


# At the start of a sale nearly all bodies are the same few bytes.
@lru_cache(maxsize=64)
def _quantity(body: bytes) -> int:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(["body"], "this is not JSON", kind="json_invalid") from error
    if not isinstance(document, dict):
        raise invalid(["body"], "an object is needed", kind="dict_type")
    for name in document.keys() - {"quantity"}:
        raise invalid(["body", name[:MAX_TEXT]], "there is no such member", kind="extra_forbidden")
    quantity = document.get("quantity")
    # Not isinstance: JSON's true is no quantity, though Python counts it as 1.
    if type(quantity) is not int or not 0 < quantity <= MAX_QUANTITY:
        raise invalid(["body", "quantity"], f"an integer from 1 to {MAX_QUANTITY} is needed")
    return quantity


# An error is not remembered: names that cannot be any are the caller's to make up.
@lru_cache(maxsize=1024)
def _item(sale_id: str, sku_id: str) -> ItemRef:
    if not (is_name(sale_id) and is_name(sku_id)):
        raise _unknown()
    return ItemRef(sale_id=sale_id, sku_id=sku_id)


async def _terms(services: Services, item: ItemRef) -> ItemTerms:
    terms = await services.gate.terms(item)
    if terms is not None:
        return terms
    # Redis has forgotten what was over long ago.
    if ended := await services.sales.ended_at(item):
        raise Refusal(ErrorCode.ENDED, ends_at=moment_of(int(ended.timestamp() * 1000)))
    raise _unknown()


def _unknown() -> Refusal:
    return Refusal(ErrorCode.NOT_FOUND, "no such item on sale")


def _answer_to(reserved: GateAnswer, order_id: str) -> Answer:
    match reserved.verdict:
        case GateVerdict.RESERVED | GateVerdict.RELEASED:
            # An earlier order under the same key keeps its answer, whatever became of it.
            return accepted(reserved.order_id or order_id)
        case GateVerdict.LIMIT_REACHED:
            return refused(Refusal(ErrorCode.LIMIT_REACHED, order_id=reserved.order_id or None))
        case GateVerdict.SOLD_OUT if reserved.waiting is not None:
            return sold_out(reserved.waiting)
        case GateVerdict.NOT_STARTED:
            return refused(Refusal(ErrorCode.NOT_STARTED, starts_at=moment_of(reserved.at_ms)))
        case GateVerdict.ENDED:
            return refused(Refusal(ErrorCode.ENDED, ends_at=moment_of(reserved.at_ms)))
        case GateVerdict.OVERLOADED:
            return refused(Refusal(ErrorCode.OVERLOADED, "too many orders wait; try again"))
        case verdict:
            return plainly_refused(_CONSTANT_REFUSALS[verdict])
