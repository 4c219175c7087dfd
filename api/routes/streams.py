"""Orders and rooms as they change, without asking again and again."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, WebSocket
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.deps import CallerDep, OrderId, Services, ServicesDep, SessionDep, proved
from api.openapi_problems import SCHEMAS, refuses
from api.problems import MEDIA_TYPE, problem_response, unavailable
from api.routes.rooms import PATH, ItemDep
from api.streams import websocket as websockets
from api.streams.sse import EventStream
from api.streams.stream import Stream
from domain.errors import ErrorCode, Refusal

router = APIRouter(tags=["buyer"])

OF_ORDER, OF_ORDER_BY_WEBSOCKET, OF_USER, OF_ROOM = "order", "order_websocket", "user", "room"
WEBSOCKET_PATH = "/v1/orders/{order_id}/ws"
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="the version that was understood last, as the id of an event told it",
    ),
]
_TOO_MANY = refuses(ErrorCode.RATE_LIMITED, ErrorCode.OVERLOADED)


def _events(description: str) -> dict[int | str, dict[str, Any]]:
    # Of each event, as OpenAPI 3.2 has it and checkers read it already.
    event = {
        "type": "object",
        "description": description,
        "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
        "required": ["data"],
    }
    content = {"text/event-stream": {"schema": event}}
    return {200: {"description": "The stream", "content": content}}


@router.get(
    "/v1/orders/{order_id}/events",
    summary="One order, as it changes",
    response_class=Response,
    response_model=None,
    responses=_events("`data` is the order's view as JSON, `id` the view's version")
    | {204: {"description": "The client knows the order's end: there is nothing to wait for"}},
    openapi_extra=_TOO_MANY,
)
async def order_events(
    order_id: OrderId,
    session: SessionDep,
    services: ServicesDep,
    last_event_id: LastEventId = None,
) -> Response:
    """The view as `GET /v1/orders/{order_id}` shows it, now and at each change, until the order's
    end; then the stream ends, and who comes again with that event's id is told 204. Changes that
    come fast may be told as one. It ends as well when the token does, and after an hour at most:
    come again then, with the id of the last event."""
    stream = await services.order_streams.of_order(order_id, session, OF_ORDER, last_event_id)
    return _answer(services, stream)


@router.get(
    "/v1/me/events",
    summary="All of the caller's orders and places, as they change",
    response_class=Response,
    response_model=None,
    responses=_events(
        "an event `order` has the view of an order for its data, an event `place` a ticket as"
        " `POST …/room` shows it, with `sale_id` and `sku_id`"
    ),
    openapi_extra=_TOO_MANY,
)
async def my_events(session: SessionDep, services: ServicesDep) -> Response:
    """First the views of the newest 50 orders, then that of each order that changes; and in the
    same way the caller's places in rooms, when one is called and whatever else becomes of it. It
    does not end with an order, but with the token, and after an hour at most: come again then."""
    return _answer(services, services.order_streams.of_user(session, OF_USER), named=True)


@router.get(
    f"{PATH}/room/events",
    summary="The room of an item, as it changes",
    response_class=Response,
    response_model=None,
    responses=_events("`data` is the room as JSON, `id` the moment of that in milliseconds")
    | {204: {"description": "Of who comes again: the room is over, and will not change"}},
    openapi_extra=_TOO_MANY,
)
async def room_events(
    item: ItemDep, request: Request, services: ServicesDep, last_event_id: LastEventId = None
) -> Response:
    """The room as `GET …/room` shows it, now and when it changes, once a second at most, until it
    is over and its sale has ended. It ends as well after an hour at most: come again then, with the
    id of the last event."""
    address = services.limits.address_of(request.scope)
    stream = await services.order_streams.of_room(item, address, OF_ROOM, last_event_id)
    return _answer(services, stream)


def _answer(services: Services, stream: Stream | None, *, named: bool = False) -> Response:
    if stream is None:
        return Response(status_code=204)
    return EventStream(stream, services.metrics, named=named)


@router.get(
    WEBSOCKET_PATH,
    summary="One order, as it changes, by WebSocket",
    status_code=101,
    response_model=None,
    responses={
        101: {"description": "A WebSocket, whose every text is the order's view"},
        426: {
            "description": "`INVALID`: this is asked for by a WebSocket's handshake",
            "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS.format(model="InvalidProblem")}}},
        },
    },
    openapi_extra=_TOO_MANY,
)
async def order_by_websocket(
    order_id: OrderId, caller: CallerDep, services: ServicesDep
) -> Response:
    """The same as the events, each view a text of its own. It is closed with 1000 at the order's
    end, with 1008 when the token ends, and with 1012 when it is to come again."""
    await services.orders.view(order_id, caller)
    raise HTTPException(426, "ask for it as a WebSocket", {"Upgrade": "websocket"})


@router.websocket(WEBSOCKET_PATH)
async def order_websocket(websocket: WebSocket, order_id: str) -> None:
    began = time.perf_counter()
    services: Services = websocket.app.state.services
    opened = await _opened_or_refused(websocket, services, order_id)
    status = 101 if isinstance(opened, Stream) else opened.status_code
    services.metrics.answered("GET", WEBSOCKET_PATH, status, time.perf_counter() - began)
    if not isinstance(opened, Stream):
        await websocket.send_denial_response(opened)
        return
    try:
        await websockets.serve(websocket, opened, services.metrics)
    finally:
        opened.close()


async def _opened_or_refused(
    websocket: WebSocket, services: Services, order_id: str
) -> Stream | Response:
    # The layers around other answers are for HTTP alone.
    try:
        session = await proved(services, websocket, services.tokens.session)
        services.limits.count_call(session.caller)
        stream = await services.order_streams.of_order(order_id, session, OF_ORDER_BY_WEBSOCKET)
    except Refusal as refusal:
        return problem_response(refusal)
    except Exception as error:
        return unavailable(f"GET {WEBSOCKET_PATH}", error)
    return stream or Response(status_code=204)
