"""What operators tell a sale to do while it runs."""

from typing import Any

from fastapi import APIRouter

from api.auth import Caller
from api.deps import IdempotencyKey, OneKey, OperatorDep, ServicesDep
from api.openapi_problems import refuses
from api.routes.names import known_name
from api.schemas.model import Body, DecisionBody, ReasonBody
from api.schemas.sales import OperatorSaleView
from domain.errors import ErrorCode
from domain.sale_command import CommandKind, SaleCommand, digest_of

router = APIRouter(prefix="/v1/operator/sales/{sale_id}", tags=["operator"], dependencies=[OneKey])
_REFUSES: dict[str, Any] = refuses(ErrorCode.INVALID_STATE, ErrorCode.IDEMPOTENCY_MISMATCH)


@router.post("/pause", summary="Let nobody order for now", openapi_extra=_REFUSES)
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


def _command(
    kind: CommandKind, operator: Caller, key: str | None, body: Body | None, **of: str
) -> SaleCommand:
    """`of`: what the path says besides the sale."""
    said = body.model_dump(mode="json", exclude_unset=True) if body else {}
    reason = str(said.get("reason", ""))
    digest = digest_of(kind, {**said, **of})
    return SaleCommand(kind=kind, actor=operator.actor, reason=reason, key=key, digest=digest)
