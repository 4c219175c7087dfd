"""The API process: settings → rooms below → routes, in one readable list."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI

from api import openapi, problems
from api.auth import Tokens
from api.bills import BillDesk
from api.deps import Services
from api.edge import Edge
from api.jwks import KeySet
from api.metrics import Metrics
from api.order_commands import OrderCommands
from api.orders import OrderShelf
from api.refund_commands import RefundCommands
from api.refunds import RefundDesk
from api.routes import (
    dev,
    gate,
    health,
    operator_audits,
    operator_bills,
    operator_orders,
    operator_sales,
    orders,
    payments,
    points,
    refunds,
    sales,
    webhooks,
)
from api.routes import operator_attentions as operator_attention
from api.routes import operator_notices as operator_inbox
from api.sales import SaleBoard
from infra.garbage import tune_garbage_collection
from infra.gateways.registry import open_return_check
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.stores import open_providers, open_stores
from infra.temporal.client import connect_temporal
from notices.inbox import NoticeInbox
from notices.relay import NoticeRelay

log = structlog.get_logger()

ROUTERS = (
    sales.router,
    orders.router,
    payments.router,
    refunds.router,
    webhooks.router,
    operator_sales.router,
    operator_orders.router,
    operator_inbox.router,
    operator_attention.router,
    operator_audits.router,
    operator_bills.router,
    points.router,
    health.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application. Starts while Postgres, Temporal or Redis is away.

    Raises ValueError when no way to check tokens is set.
    """
    settings = settings or Settings()
    _require_way_to_check_tokens(settings)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as closing:
            app.state.services = await open_services(settings, metrics, closing)
            tune_garbage_collection()
            yield

    app = FastAPI(
        title=openapi.TITLE,
        version="1",
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # Served by the edge; here it answers other methods with 405.
    app.router.routes.append(gate.route)
    for router in ROUTERS:
        app.include_router(router)
    if settings.dev_login:
        app.include_router(dev.router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(Edge, metrics=metrics, express=gate.route)
    return app


async def open_services(settings: Settings, metrics: Metrics, closing: AsyncExitStack) -> Services:
    """Opens every connection pool once; `closing` closes them in reverse order."""
    stores = await closing.enter_async_context(open_stores(settings))
    redis, database = stores.redis, stores.database
    gateways = await closing.enter_async_context(open_providers(settings, database))
    stock_gate = StockGate(redis, queue_limit=settings.gate_queue_limit)
    shelf = OrderShelf(database, stock_gate)
    client = await connect_temporal(lazy=True)
    commands = OrderCommands(client, shelf.status)
    relay = NoticeRelay(database, client, gateways, settings.task_queue)
    inbox = NoticeInbox(database, gateways, relay)
    closing.push_async_callback(inbox.aclose)
    return Services(
        settings=settings,
        redis=redis,
        gate=stock_gate,
        database=database,
        gateways=gateways,
        return_check=open_return_check(settings),
        tokens=_open_tokens(settings, closing),
        metrics=metrics,
        board=SaleBoard(database, stock_gate),
        shelf=shelf,
        commands=commands,
        inbox=inbox,
        refunds=RefundDesk(database, RefundCommands(client, settings.task_queue)),
        bills=BillDesk(client, settings.task_queue),
        auditing=asyncio.Lock(),
    )


def _open_tokens(settings: Settings, closing: AsyncExitStack) -> Tokens:
    keys = KeySet(settings.jwks_url) if settings.jwks_url else None
    if keys:
        closing.push_async_callback(keys.aclose)
    return Tokens(
        secret=settings.jwt_secret.get_secret_value(), keys=keys, issuer=settings.jwt_issuer
    )


def _require_way_to_check_tokens(settings: Settings) -> None:
    secret = settings.jwt_secret.get_secret_value()
    if not secret and not settings.jwks_url:
        raise ValueError("set SECKILL_JWT_SECRET or SECKILL_JWKS_URL: tokens must be checked")
    if settings.dev_login and not secret:
        raise ValueError("SECKILL_DEV_LOGIN signs tokens and so needs SECKILL_JWT_SECRET")
