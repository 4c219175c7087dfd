"""What operators tell a sale to do while it runs."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from api.auth import Caller
from api.deps import IdempotencyKey, OneKey, OperatorDep, ServicesDep
from api.openapi_problems import ETAG, refuses
from api.routes.names import known_name
from api.schemas.model import Body, DecisionBody, ReasonBody
from api.schemas.sale_changes import ChangedSaleView, RestockBody, SaleChangeBody
from api.schemas.sale_ends import CancellationView, CancelSaleBody
from api.schemas.sales import OperatorSaleView, etag_of
from api.validation import ASCII
from domain.errors import ErrorCode
from domain.sale_command import CommandKind, SaleCommand, digest_of

router = APIRouter(prefix="/v1/operator/sales/{sale_id}", tags=["operator"], dependencies=[OneKey])
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=200,
        pattern=ASCII,
        description="the `ETag` of what is to be changed: refused where it was changed meanwhile",
    ),
]
_REFUSES: dict[str, Any] = refuses(ErrorCode.INVALID_STATE, ErrorCode.IDEMPOTENCY_MISMATCH)


@router.post("/pause", summary="Let nobody order until it is resumed", openapi_extra=_REFUSES)
async def pause_sale(
    sale_id: str,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> OperatorSaleView:
    """Orders that were accepted go on, and nobody's pass lapses. The gate stops first: where
    Postgres is away the answer is 503, and the gate stays stopped until that is on record."""
    command = _command(CommandKind.PAUSE, operator, idempotency_key, body)
    return await services.sale_commands.stop(known_name(sale_id), command)


@router.post("/resume", summary="Let a paused sale go on", openapi_extra=_REFUSES)
async def resume_sale(
    sale_id: str,
    operator: OperatorDep,
    services: ServicesDep,
    body: ReasonBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> OperatorSaleView:
    """Within the sale's window, which the pause has not made longer."""
    command = _command(CommandKind.RESUME, operator, idempotency_key, body)
    return await services.sale_commands.resume(known_name(sale_id), command)


@router.post("/close", summary="End a sale now, for good", openapi_extra=_REFUSES)
async def close_sale(
    sale_id: str,
    body: DecisionBody,
    operator: OperatorDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> OperatorSaleView:
    """As if its end had come: what was accepted goes on. The gate stops first, as in a pause."""
    command = _command(CommandKind.CLOSE, operator, idempotency_key, body)
    return await services.sale_commands.stop(known_name(sale_id), command)


@router.patch(
    "",
    summary="Change a sale",
    responses={200: {"headers": {"ETag": ETAG}}},
    openapi_extra=_REFUSES,
)
async def change_sale(
    sale_id: str,
    body: SaleChangeBody,
    operator: OperatorDep,
    services: ServicesDep,
    response: Response,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> ChangedSaleView:
    """What is left out stays. Once published a sale keeps its prices; once it has started, its
    start; once it is over, its window. `pay_window_seconds` is of orders that come."""
    command = _command(CommandKind.CHANGE, operator, idempotency_key, body)
    view = await services.sale_commands.change(
        known_name(sale_id), body.change(), if_match, command
    )
    response.headers["ETag"] = etag_of(view)
    return view


@router.post(
    "/items/{sku_id}/restock", summary="Add units, or take them back", openapi_extra=_REFUSES
)
async def restock_item(
    sale_id: str,
    sku_id: str,
    body: RestockBody,
    operator: OperatorDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> OperatorSaleView:
    """Who waits in the item's room is called. What is held, sold or promised is not taken back:
    `available` says how much could be."""
    known_name(sku_id)
    command = _command(CommandKind.RESTOCK, operator, idempotency_key, body, sku_id=sku_id)
    return await services.sale_commands.restock(known_name(sale_id), sku_id, body.quantity, command)


@router.post(
    "/cancel",
    summary="Cancel a sale, and give back what was sold",
    status_code=202,
    openapi_extra=_REFUSES,
)
async def cancel_sale(
    sale_id: str,
    body: CancelSaleBody,
    operator: OperatorDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> CancellationView:
    """At once nothing is sold and no payment begun any more; the gate stops first, as in a pause.
    Unpaid orders are given up and paid ones given back by themselves, everybody else's refunds
    first."""
    command = _command(CommandKind.CANCEL, operator, idempotency_key, body)
    await services.sale_commands.stop(known_name(sale_id), command)
    return await services.sale_ends.cancellation(sale_id)


def _command(
    kind: CommandKind, operator: Caller, key: str | None, body: Body | None, **of: str
) -> SaleCommand:
    """`of`: what the path says besides the sale."""
    said = body.model_dump(mode="json", exclude_unset=True) if body else {}
    reason = str(said.get("reason", ""))
    digest = digest_of(kind, {**said, **of})
    return SaleCommand(kind=kind, actor=operator.actor, reason=reason, key=key, digest=digest)
