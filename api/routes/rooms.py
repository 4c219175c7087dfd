"""A place in the room of an item: taken, looked after, given up, and the pass it brings."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from api.deps import CallerDep, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.schemas.rooms import EntryView, JoinBody, RoomTicketView, RoomView
from domain.errors import ErrorCode
from domain.sale import ItemRef

PATH = "/v1/sales/{sale_id}/items/{sku_id}"
router = APIRouter(prefix=PATH, tags=["buyer"])


async def named_item(sale_id: str, sku_id: str) -> ItemRef:
    """Raises Refusal NOT_FOUND for what no item can be called."""
    return ItemRef(sale_id=known_name(sale_id), sku_id=known_name(sku_id))


async def not_kept(response: Response) -> None:
    """What everybody sees at the same address may be kept a while, and this is one caller's."""
    response.headers["Cache-Control"] = "no-store"


ItemDep = Annotated[ItemRef, Depends(named_item)]
_ONES_OWN: Any = [Depends(not_kept)]


@router.post(
    "/room",
    summary="Take a place in the room",
    dependencies=_ONES_OWN,
    openapi_extra=refuses(
        ErrorCode.FORBIDDEN,
        ErrorCode.NOT_STARTED,
        ErrorCode.ENDED,
        ErrorCode.LIMIT_REACHED,
        ErrorCode.ROOM_OVER,
        ErrorCode.INVALID_STATE,
    ),
)
async def join_room(
    item: ItemDep, caller: CallerDep, services: ServicesDep, body: JoinBody
) -> RoomTicketView:
    """One per buyer and item: asked again, the same. Where everybody may click, a room is for who
    comes when nothing is left."""
    return await services.rooms.join(item, caller, body.quantity, body.ticket)


@router.delete(
    "/room",
    summary="Give the place up",
    dependencies=_ONES_OWN,
    openapi_extra=refuses(ErrorCode.FORBIDDEN, ErrorCode.INVALID_STATE),
)
async def leave_room(item: ItemDep, caller: CallerDep, services: ServicesDep) -> RoomTicketView:
    """With its call or its entry token. What has become an order is cancelled as an order."""
    return await services.rooms.leave(item, caller)


@router.get("/room", summary="Where the room of an item is")
async def get_room(item: ItemDep, services: ServicesDep) -> RoomView:
    """The same for everybody, at most a second old."""
    return await services.rooms.state(item)


@router.post(
    "/entry",
    summary="Fetch the entry token of a place that was called",
    openapi_extra=refuses(
        ErrorCode.FORBIDDEN,
        ErrorCode.NOT_STARTED,
        ErrorCode.ENDED,
        ErrorCode.PAUSED,
        ErrorCode.LIMIT_REACHED,
        ErrorCode.NOT_YOUR_TURN,
        ErrorCode.ROOM_OVER,
    ),
)
async def enter(item: ItemDep, caller: CallerDep, services: ServicesDep) -> EntryView:
    """Asked again, the same. It names the order it will become, and is good for one."""
    return await services.rooms.enter(item, caller)
