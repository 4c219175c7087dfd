"""The gate: where a click becomes an order or a clear refusal.

Plain ASGI on purpose. At the start of a sale nearly all requests come here, and dependency
injection, request objects and exception handlers would cost more than the work itself.
"""

import json
import time
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.auth import only
from api.deps import Services
from api.openapi_problems import LOCATION, refuses
from api.problems import KINDS, MEDIA_TYPE, invalid, problem_bytes
from api.routes.names import is_name
from api.validation import ASCII, MAX_TEXT
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
}


class OrderGate:
    """Needs Redis alone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        services: Services = scope["app"].state.services
        try:
            order_id = await _accept(services, scope, receive)
        except Refusal as refusal:
            services.metrics.gate_answered(refusal.code.value)
            await _send_refusal(send, refusal)
            return
        services.metrics.gate_answered("ACCEPTED")
        body = b'{"order_id":"%b","status":"queued"}' % order_id.encode()
        location = b"/v1/orders/" + order_id.encode()
        await _send(send, 202, b"application/json", body, [(b"location", location)])


route = Route(PATH, OrderGate(), methods=["POST"], name="place_order")


async def _accept(services: Services, scope: Scope, receive: Receive) -> str:
    authorization, key = _headers(scope)
    caller = await services.tokens.caller(authorization)
    quantity = _quantity(await _read(receive))
    terms = await _terms(services, scope["path_params"])
    if terms.requires_entry_token:
        raise Refusal(ErrorCode.ENTRY_TOKEN_INVALID, "this sale needs an entry token")
    if (to_go := await services.backlog.seconds_to_go()) and (
        to_go > await services.sales.seconds_to_pay(terms.sale_id) / 2
    ):
        # An order accepted now might come to its deadline before anybody watches over it.
        raise Refusal(ErrorCode.OVERLOADED, "too many orders wait; try again")
    order_id = new_order_id(terms.item_number, time.time_ns() // 1_000_000)
    request = ReserveRequest(
        item=terms.ref,
        order_id=order_id,
        user_id=caller.user_id,
        quantity=quantity,
        idempotency_key=key,
        announce=True,
    )
    try:
        answer = await services.gate.reserve(request)
    except Overloaded as error:
        raise Refusal(ErrorCode.OVERLOADED, "too many people at once; try again") from error
    return _order_id_in(answer, order_id)


def _headers(scope: Scope) -> tuple[str | None, str]:
    authorizations: list[str] = []
    key = ""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorizations.append(value.decode("latin-1"))
        elif name == b"idempotency-key":
            if key:
                raise invalid(["header", "Idempotency-Key"], "one key, not several")
            key = value.decode("latin-1")
            if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
                why = f"1 to {MAX_KEY_LENGTH} printable ASCII characters"
                raise invalid(["header", "Idempotency-Key"], why)
    return only(authorizations), key


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


async def _terms(services: Services, path: dict[str, str]) -> ItemTerms:
    sale_id, sku_id = path["sale_id"], path["sku_id"]
    terms = None
    if is_name(sale_id) and is_name(sku_id):
        item = ItemRef(sale_id=sale_id, sku_id=sku_id)
        terms = await services.gate.terms(item)
        # Redis has forgotten what was over long ago.
        if terms is None and (ended := await services.sales.ended_at(item)):
            raise Refusal(ErrorCode.ENDED, ends_at=_moment(int(ended.timestamp() * 1000)))
    if terms is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such item on sale")
    return terms


def _order_id_in(answer: GateAnswer, order_id: str) -> str:
    match answer.verdict:
        case GateVerdict.RESERVED | GateVerdict.RELEASED:
            # An earlier order under the same key keeps its answer, whatever became of it.
            return answer.order_id or order_id
        case GateVerdict.LIMIT_REACHED:
            raise Refusal(ErrorCode.LIMIT_REACHED, order_id=answer.order_id or None)
        case GateVerdict.NOT_STARTED:
            raise Refusal(ErrorCode.NOT_STARTED, starts_at=_moment(answer.at_ms))
        case GateVerdict.ENDED:
            raise Refusal(ErrorCode.ENDED, ends_at=_moment(answer.at_ms))
        case verdict:
            raise Refusal(_CONSTANT_REFUSALS[verdict])


def _moment(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _send_refusal(send: Send, refusal: Refusal) -> None:
    kind = KINDS[refusal.code]
    headers = [(name.lower().encode(), value.encode()) for name, value in kind.headers.items()]
    plain = not (refusal.detail or refusal.extra)
    body = _plain_problem(refusal.code) if plain else problem_bytes(refusal, kind.status)
    await _send(send, kind.status, MEDIA_TYPE.encode(), body, headers)


@cache
def _plain_problem(code: ErrorCode) -> bytes:
    return problem_bytes(Refusal(code), KINDS[code].status)


async def _send(
    send: Send, status: int, media_type: bytes, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", media_type),
            (b"content-length", str(len(body)).encode()),
            *headers,
        ],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})


OPENAPI: dict[str, Any] = {
    "post": {
        "tags": ["buyer"],
        "operationId": "place_order",
        "summary": "Place an order",
        "description": (
            "Reserves stock and answers at once; the order is then carried on by itself. "
            "Follow it at the address in `Location`. The same `Idempotency-Key` with the same "
            "body gives the same answer."
        ),
        "security": [{"HTTPBearer": []}],
        "parameters": [
            {"name": "sale_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "sku_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "the same key is the same order",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_KEY_LENGTH,
                    "pattern": ASCII,
                },
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["quantity"],
                        "properties": {
                            "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY}
                        },
                        "additionalProperties": False,
                    }
                }
            },
        },
        "responses": {
            "202": {
                "description": "Accepted: stock is reserved for this order",
                "headers": {"Location": LOCATION},
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/AcceptedView"}}
                },
            }
        },
        **refuses(
            ErrorCode.INVALID,
            ErrorCode.NOT_STARTED,
            ErrorCode.ENDED,
            ErrorCode.PAUSED,
            ErrorCode.SOLD_OUT,
            ErrorCode.LIMIT_REACHED,
            ErrorCode.ENTRY_TOKEN_INVALID,
            ErrorCode.IDEMPOTENCY_MISMATCH,
            ErrorCode.OVERLOADED,
        ),
    }
}
