"""Practice logins. Mounted only with SECKILL_DEV_LOGIN=true."""

from fastapi import APIRouter

from api.deps import ServicesDep
from api.schemas.dev import DevTokenBody, DevTokenView

router = APIRouter(tags=["practice"])


@router.post("/v1/dev/tokens", summary="A token for anyone you like to be")
async def issue_token(body: DevTokenBody, services: ServicesDep) -> DevTokenView:
    return DevTokenView(token=services.tokens.issue(body.user_id, body.roles))
