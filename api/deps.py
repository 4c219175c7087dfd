"""What the routes are handed: the opened rooms below, and who is calling."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPBearer
from redis.asyncio import Redis

from api.auth import Caller, Tokens
from api.bills import BillDesk
from api.metrics import Metrics
from api.order_commands import OrderCommands
from api.orders import OrderShelf
from api.refunds import RefundDesk
from api.sales import SaleBoard
from domain.errors import ErrorCode, Refusal
from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway
from infra.gateways.registry import ReturnCheck
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from notices.inbox import NoticeInbox


@dataclass(frozen=True)
class Services:
    settings: Settings
    redis: Redis
    gate: StockGate
    database: Database
    gateways: dict[PaymentMethod, Gateway]
    return_check: ReturnCheck | None
    tokens: Tokens
    metrics: Metrics
    board: SaleBoard
    shelf: OrderShelf
    commands: OrderCommands
    inbox: NoticeInbox
    refunds: RefundDesk
    bills: BillDesk
    auditing: asyncio.Lock


# Async although they never wait: FastAPI runs plain functions in a thread.
async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
_bearer = Depends(HTTPBearer(auto_error=False, bearerFormat="JWT"))


async def _caller(
    request: Request, services: ServicesDep, _scheme: Annotated[object, _bearer]
) -> Caller:
    return await services.tokens.caller(request.headers.get("authorization"))


CallerDep = Annotated[Caller, Depends(_caller)]


async def _operator(caller: CallerDep) -> Caller:
    if not caller.is_operator:
        raise Refusal(ErrorCode.FORBIDDEN, "this needs the role operator")
    return caller


OperatorDep = Annotated[Caller, Depends(_operator)]

MAX_CURSOR_LENGTH = 200
Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH, pattern=r"^[!-~]*$")]
Limit = Annotated[int, Query(ge=1, le=100)]
OrderId = Annotated[str, Path(description="26 characters of Crockford base32")]
