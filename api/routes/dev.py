"""Practice logins. Mounted only with SECKILL_DEV_LOGIN=true."""

from fastapi import APIRouter, Request

from api.deps import ServicesDep
from api.openapi_problems import refuses
from api.schemas.dev import DevTokenBody, DevTokenView
from domain.errors import ErrorCode, Refusal
from infra.loopback import is_loopback_host

router = APIRouter(tags=["practice"])


@router.post(
    "/v1/dev/tokens",
    summary="A token for anyone you like to be",
    openapi_extra=refuses(ErrorCode.FORBIDDEN),
)
async def issue_token(body: DevTokenBody, services: ServicesDep, request: Request) -> DevTokenView:
    """Good for twelve hours. This call is there only while practice logins are switched on."""
    # A page of a stranger's can make this machine's browser call here by a name of its own.
    if not is_loopback_host(request.url.hostname):
        raise Refusal(ErrorCode.FORBIDDEN, "practice logins are for this machine alone")
    return DevTokenView(token=services.tokens.issue(body.user_id, body.roles))
