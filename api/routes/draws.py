"""A draw, for whoever checks it; and its beacon, which an operator hands in."""

from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from api.deps import OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.routes.rooms import PATH, ItemDep
from api.schemas.draws import BeaconBody, PromiseView
from domain.errors import ErrorCode, Refusal
from domain.operator_act import OperatorAct
from infra.postgres.draw_seeds import DrawSeeds
from infra.postgres.operator_acts import OperatorActs
from infra.postgres.sales import Sales

log = structlog.get_logger()

router = APIRouter()
# It never changes again: whoever stands in between may keep it.
_FOR_EVER = {"Cache-Control": "public, max-age=86400, immutable"}
_LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get(
    f"{PATH}/room/list",
    tags=["buyer"],
    summary="The leaves of a draw",
    response_class=PlainTextResponse,
    responses=_LINES,
)
async def list_leaves(item: ItemDep, services: ServicesDep) -> Response:
    """One a line by index, once the lots are drawn; a line is empty where nobody has the index."""
    return _lines(await services.draws.leaves(item))


@router.get(
    f"{PATH}/room/places",
    tags=["buyer"],
    summary="The places of a draw",
    response_class=PlainTextResponse,
    responses=_LINES,
)
async def list_places(item: ItemDep, services: ServicesDep) -> Response:
    """Beside the lines of the list, from 1."""
    return _lines(await services.draws.places(item))


@router.post(
    "/v1/operator/sales/{sale_id}/beacon",
    tags=["operator"],
    summary="Hand in the beacon that was named at publish",
    openapi_extra=refuses(ErrorCode.INVALID_STATE),
)
async def set_beacon(
    sale_id: str, body: BeaconBody, operator: OperatorDep, services: ServicesDep
) -> PromiseView:
    """Once the sale has started, and once for ever: lots are drawn with it. The same value again
    is the same request."""
    async with services.database.transaction() as connection:
        sale = await Sales(connection).get(known_name(sale_id))
        if sale is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such sale")
        if sale.starts_at > datetime.now(UTC):
            # Known before the pool has ended it would protect nobody.
            detail = "the beacon is of a moment after the start"
            raise Refusal(ErrorCode.INVALID_STATE, detail, sale_status=sale.status)
        is_new = await DrawSeeds(connection).set_beacon(sale_id, body.value)
        if is_new:
            acts = OperatorActs(connection)
            await acts.record(OperatorAct.BEACON_SET, sale_id, operator.actor, body.reason)
        promise = await DrawSeeds(connection).promise(sale_id)
        if promise is None or promise.beacon != body.value:
            detail = "another value stands" if promise and promise.beacon else "none was named"
            raise Refusal(ErrorCode.INVALID_STATE, detail, sale_status=sale.status)
    if is_new:
        log.info("beacon_set", sale_id=sale_id, actor=operator.actor)
    return PromiseView(
        seed_commitment=promise.commitment.hex(),
        beacon_source=promise.beacon_source,
        beacon=promise.beacon,
    )


def _lines(text: bytes | None) -> Response:
    if text is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no lots were drawn here, or not yet")
    return Response(text, media_type="text/plain; charset=utf-8", headers=_FOR_EVER)
