"""What the routes are handed: the opened rooms below, and who is calling."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Path, Query, Request
from fastapi.security import HTTPBearer
from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from api.addresses import came_from
from api.auth import Caller, Session, Tokens, only
from api.draws import ShownDraws
from api.limits import Limits, Traffic
from api.metrics import Metrics
from api.notices import NoticeReplay
from api.operating import Operating
from api.order_streams import OrderStreams
from api.order_updates import OrderUpdates
from api.orders import OrderLookup
from api.payments import OrderPayments
from api.problems import invalid
from api.readiness import ReadinessLook
from api.refunds import OrderRefunds
from api.rooms import Rooms
from api.sale_commands import SaleCommandRunner
from api.sale_ends import OperatedSaleEnds
from api.sale_workflows import SaleWorkflows
from api.sales import ShownSales
from api.validation import ASCII, NO_BLANKS
from api.workflow_calls import WorkflowCalls
from domain.errors import ErrorCode, Refusal
from domain.payment import PaymentMethod
from infra.gateways.protocol import Gateway
from infra.gateways.registry import ReturnCheck
from infra.postgres.engine import Database
from infra.redis.backlog import Backlog
from infra.redis.sold_out_lease import SoldOutLeases
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from notices.inbox import NoticeInbox
from workflow_client import WorkflowClient

Known = TypeVar("Known")


@dataclass(frozen=True)
class Services:
    """`auditing`: held while an audit runs, for each reads everything."""

    settings: Settings
    redis: Redis
    gate: StockGate
    sold_out: SoldOutLeases
    backlog: Backlog
    rooms: Rooms
    draws: ShownDraws
    database: Database
    workflows: WorkflowCalls
    workflow_client: WorkflowClient
    gateways: dict[PaymentMethod, Gateway]
    return_check: ReturnCheck | None
    tokens: Tokens
    metrics: Metrics
    limits: Limits
    sales: ShownSales
    sale_commands: SaleCommandRunner
    sale_workflows: SaleWorkflows
    sale_ends: OperatedSaleEnds
    orders: OrderLookup
    order_updates: OrderUpdates
    order_streams: OrderStreams
    payments: OrderPayments
    refunds: OrderRefunds
    inbox: NoticeInbox
    readiness: ReadinessLook
    notices: NoticeReplay
    operating: Operating
    auditing: asyncio.Lock = field(default_factory=asyncio.Lock)


# Async although they never wait: FastAPI runs plain functions in a thread.
async def opened_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(opened_services)]
_bearer = Depends(HTTPBearer(auto_error=False, bearerFormat="JWT"))


async def proved(
    services: Services, connection: HTTPConnection, prove: Callable[[str | None], Awaitable[Known]]
) -> Known:
    """What the connection's only token proves. Raises Refusal: UNAUTHENTICATED, or RATE_LIMITED
    where too much from there proves nothing."""
    try:
        return await prove(only(connection.headers.getlist("authorization")))
    except Refusal as refusal:
        if refusal.code is ErrorCode.UNAUTHENTICATED:
            services.limits.failed(came_from(connection.scope), Traffic.STRANGERS)
        raise


async def caller(
    request: Request, services: ServicesDep, _scheme: Annotated[object, _bearer]
) -> Caller:
    """Raises Refusal: UNAUTHENTICATED, or that too much is asked for."""
    known = await proved(services, request, services.tokens.caller)
    services.limits.begin_call(request.scope, known)
    return known


async def session(
    request: Request, services: ServicesDep, _scheme: Annotated[object, _bearer]
) -> Session:
    """As `caller`, for what outlasts an answer."""
    known = await proved(services, request, services.tokens.session)
    services.limits.begin_call(request.scope, known.caller)
    return known


SessionDep = Annotated[Session, Depends(session)]
CallerDep = Annotated[Caller, Depends(caller)]


async def operator(caller: CallerDep) -> Caller:
    """Raises Refusal: UNAUTHENTICATED or FORBIDDEN."""
    if not caller.is_operator:
        raise Refusal(ErrorCode.FORBIDDEN, "this needs the role operator")
    return caller


OperatorDep = Annotated[Caller, Depends(operator)]


async def one_key(request: Request, _operator: OperatorDep) -> None:
    """Raises Refusal INVALID for two names of one request."""
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise invalid(["header", "Idempotency-Key"], "one key, not several")


OneKey = Depends(one_key)
# The same key again is the same request, and gets the answer of the first.
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=128,
        pattern=ASCII,
        description="the same key again is the same request, and does nothing more",
    ),
]

MAX_CURSOR_LENGTH = 200
Cursor = Annotated[str | None, Query(min_length=1, max_length=MAX_CURSOR_LENGTH, pattern=NO_BLANKS)]
Limit = Annotated[int, Query(ge=1, le=100)]
OrderId = Annotated[str, Path(description="26 characters of Crockford base32")]
