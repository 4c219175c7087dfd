"""Where payment providers tell us what happened. Each provider has its own way to be answered."""

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from api.addresses import came_from
from api.deps import Services, ServicesDep
from api.limits import Traffic
from api.openapi_problems import refuses
from api.problems import Outage
from api.schemas.notices import WechatPayFailure
from domain.errors import ErrorCode, Refusal
from domain.notice import REFUSED, Verdict
from domain.payment import PaymentMethod
from infra.gateways.protocol import RawNotice

log = structlog.get_logger()

router = APIRouter(tags=["providers"])

_TEXT = {"text/plain": {"schema": {"const": "fail"}}}

# These are understood and kept: sending them again would tell us nothing new.
_TAKEN = frozenset({Verdict.ACCEPTED, Verdict.NOT_PAID})


@router.post(
    "/v1/webhooks/alipay",
    summary="Alipay's notices",
    response_class=PlainTextResponse,
    responses={
        200: {"description": "`success`: understood and kept"},
        400: {"description": "`fail`: forged, broken, or not ours", "content": _TEXT},
        503: {"description": "`fail`: it cannot be kept right now", "content": _TEXT},
    },
    openapi_extra={
        **refuses(ErrorCode.NOT_FOUND),
        "requestBody": {
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
        },
    },
)
async def alipay(request: Request, services: ServicesDep) -> Response:
    """Answers exactly `success`; anything else asks Alipay to send the notice again."""
    verdict = await _receive(PaymentMethod.ALIPAY, request, services)
    if verdict is None:
        return PlainTextResponse("fail", status_code=503)
    if verdict in _TAKEN:
        return PlainTextResponse("success")
    return PlainTextResponse("fail", status_code=400)


@router.post(
    "/v1/webhooks/wechatpay",
    summary="WeChat Pay's notices",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "Understood and kept"},
        400: {"model": WechatPayFailure, "description": "Forged, broken, or not ours"},
        503: {"model": WechatPayFailure, "description": "It cannot be kept right now"},
    },
    openapi_extra={
        **refuses(ErrorCode.NOT_FOUND),
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
    },
)
async def wechatpay(request: Request, services: ServicesDep) -> Response:
    """Answers 204; anything else asks WeChat Pay to send the notice again."""
    verdict = await _receive(PaymentMethod.WECHATPAY, request, services)
    if verdict is None:
        return _failure("try again", 503)
    if verdict in _TAKEN:
        return Response(status_code=204)
    return _failure(verdict.value, 400)


def _failure(message: str, status: int) -> Response:
    return JSONResponse(WechatPayFailure(message=message).model_dump(), status_code=status)


async def _receive(method: PaymentMethod, request: Request, services: Services) -> Verdict | None:
    """None while the notice cannot be kept."""
    if method not in services.gateways:
        raise Refusal(ErrorCode.NOT_FOUND, f"{method} is not set up here")
    raw = RawNotice(await request.body(), dict(request.headers))
    verified = await services.inbox.verify(method, raw)
    if verified.verdict in REFUSED:
        # Providers send from few addresses, so only what is not genuine counts against one.
        services.limits.failed(came_from(request.scope), Traffic.WEBHOOKS)
    else:
        services.limits.begin(request.scope, Traffic.WEBHOOKS)
    try:
        return await services.inbox.receive(method, raw, verified)
    except Outage as error:
        log.warning("notice_not_kept", method=method, error=repr(error)[:200])
        return None
