"""The API process: settings → rooms below → routes, in one readable list."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI

from api import openapi, problems
from api.auth import Tokens
from api.cors import CrossOrigin, named_origins
from api.deps import Services
from api.draws import ShownDraws
from api.edge import Edge
from api.front import Front, FrontedApi
from api.jwks import KeySet
from api.limits import Limits
from api.metrics import Metrics
from api.notices import NoticeReplay
from api.open_files import fitting_connections, streams_that_fit, watch_open_files
from api.operating import open_operating
from api.order_streams import OrderStreams
from api.order_updates import OrderUpdates
from api.orders import OrderLookup
from api.payments import OrderPayments, PaymentsAhead
from api.readiness import ReadinessLook
from api.refunds import OrderRefunds
from api.rooms import Rooms
from api.routes import (
    dev,
    docs,
    draws,
    gate,
    health,
    operator_approvals,
    operator_attentions,
    operator_audits,
    operator_bills,
    operator_dashboard,
    operator_notices,
    operator_orders,
    operator_preflight,
    operator_refunds,
    operator_repairs,
    operator_sale_commands,
    operator_sale_ends,
    operator_sales,
    orders,
    payments,
    points,
    refunds,
    rooms,
    sales,
    streams,
    webhooks,
)
from api.sale_commands import SaleCommandRunner
from api.sale_ends import OperatedSaleEnds
from api.sale_workflows import SaleWorkflows
from api.sales import ShownSales
from api.seals import Seals
from api.start_checks import refuse_unsafe
from api.streams.order_feed import OrderFeed
from api.streams.place_feed import PlaceFeed
from api.streams.registry import Streams
from api.streams.room_feed import RoomFeed
from api.workflow_calls import WorkflowCalls
from domain.payment import PaymentMethod
from infra.background import ended
from infra.garbage import tune_garbage_collection
from infra.gateways.protocol import Gateway
from infra.gateways.registry import open_return_check
from infra.postgres.engine import Database
from infra.redis.backlog import Backlog
from infra.redis.order_changes import ChangeListener
from infra.redis.room_control import RoomControl
from infra.redis.room_gate import RoomGate
from infra.redis.room_places import RoomPlaces
from infra.redis.sold_out_lease import SoldOutLeases
from infra.redis.stock_gate import StockGate
from infra.room_recovery import RoomRecovery
from infra.sale_at_gate import SaleAtGate
from infra.settings import Settings
from infra.stores import Stores, open_providers, open_stores, refuse_unusable_addresses
from infra.temporal.client import connect_temporal
from notices.inbox import NoticeInbox
from notices.relay import NoticeRelay
from workflow_client import WorkflowClient

log = structlog.get_logger()

CANCEL_AGAIN_SECONDS = 0.05

ROUTERS = (
    sales.router,
    rooms.router,
    draws.router,
    orders.router,
    streams.router,
    payments.router,
    refunds.router,
    webhooks.router,
    operator_sales.router,
    operator_sale_commands.router,
    operator_sale_ends.router,
    operator_orders.router,
    operator_orders.export_router,
    operator_refunds.router,
    operator_repairs.router,
    operator_notices.router,
    operator_attentions.router,
    operator_audits.router,
    operator_bills.router,
    operator_approvals.router,
    operator_dashboard.router,
    operator_preflight.router,
    points.router,
    health.router,
    docs.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI application. Starts while Postgres, Temporal or Redis is away.

    Raises UnusableSetting for settings that would let a stranger be somebody, or are of no use.
    """
    settings = settings or Settings()
    refuse_unsafe(settings)
    refuse_unusable_addresses(settings)
    origins = named_origins(settings)
    metrics = Metrics()
    limits = Limits(settings, metrics, fitting_connections(settings.api_max_connections))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with AsyncExitStack() as closing:
            services = await open_services(settings, metrics, limits, closing)
            app.state.services = services
            closing.push_async_callback(ended, asyncio.create_task(watch_open_files()))
            tune_garbage_collection()
            yield {"streams": services.order_streams.streams}

    app = FrontedApi(
        title=openapi.TITLE,
        version="1",
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # What the front leaves is served by the edge; here it answers other methods with 405.
    app.front = Front(app.state, metrics, origins)
    app.router.routes.append(gate.route)
    for router in ROUTERS:
        app.include_router(router)
    if settings.dev_login:
        app.include_router(dev.router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(Edge, metrics=metrics, limits=limits, express=gate.route)
    if origins:
        app.add_middleware(CrossOrigin, origins=origins)
    return app


async def open_services(
    settings: Settings, metrics: Metrics, limits: Limits, closing: AsyncExitStack
) -> Services:
    """Opens every connection pool once; `closing` closes them in reverse order."""
    stores = await closing.enter_async_context(open_stores(settings))
    redis, database = stores.redis, stores.database
    gateways = await closing.enter_async_context(open_providers(settings, database))
    stock_gate = StockGate(redis, queue_limit=settings.gate_queue_limit)
    draws, shown = ShownDraws(database), ShownSales(database, stock_gate)
    client = await connect_temporal(lazy=True)
    workflows = WorkflowCalls(client, settings.task_queue)
    workflow_client = WorkflowClient(client, settings.task_queue)
    orders = OrderLookup(database, stock_gate)
    order_updates = OrderUpdates(workflows, orders, database)
    refunds = OrderRefunds(workflows, orders, database)
    inbox, relay = _open_inbox(database, gateways, workflow_client, closing)
    rooms = _open_rooms(settings, stores, metrics, stock_gate, shown, draws, closing)
    return Services(
        settings=settings,
        redis=redis,
        gate=stock_gate,
        sold_out=await closing.enter_async_context(SoldOutLeases.listening(redis)),
        backlog=Backlog(redis),
        rooms=rooms,
        draws=draws,
        database=database,
        workflows=workflows,
        workflow_client=workflow_client,
        gateways=gateways,
        return_check=open_return_check(settings),
        tokens=_open_tokens(settings, closing),
        metrics=metrics,
        limits=limits,
        sales=shown,
        **_open_operated_sales(database, stock_gate, shown, workflow_client, closing),
        orders=orders,
        order_updates=order_updates,
        order_streams=_open_order_streams(settings, stores, metrics, orders, rooms, closing),
        payments=OrderPayments(orders, order_updates, PaymentsAhead(database, gateways), gateways),
        refunds=refunds,
        inbox=inbox,
        notices=NoticeReplay(database, inbox, relay, gateways),
        readiness=ReadinessLook(redis, database, workflows),
        operating=open_operating(settings, stores, client, gateways, refunds, closing),
    )


def _open_inbox(
    database: Database,
    gateways: dict[PaymentMethod, Gateway],
    workflow_client: WorkflowClient,
    closing: AsyncExitStack,
) -> tuple[NoticeInbox, NoticeRelay]:
    relay = NoticeRelay(database, workflow_client, gateways)
    closing.push_async_callback(relay.aclose)
    return NoticeInbox(database, gateways, relay), relay


def _open_operated_sales(
    database: Database,
    stock_gate: StockGate,
    shown: ShownSales,
    workflow_client: WorkflowClient,
    closing: AsyncExitStack,
) -> dict[str, Any]:
    workflows, at_gate = SaleWorkflows(workflow_client), SaleAtGate(database, stock_gate)
    closing.push_async_callback(workflows.aclose)
    return {
        "sale_workflows": workflows,
        "sale_commands": SaleCommandRunner(database, at_gate, shown, workflows),
        "sale_ends": OperatedSaleEnds(database, workflows),
    }


def _open_rooms(
    settings: Settings,
    stores: Stores,
    metrics: Metrics,
    stock_gate: StockGate,
    shown: ShownSales,
    draws: ShownDraws,
    closing: AsyncExitStack,
) -> Rooms:
    room_gate = RoomGate(stores.redis, RoomRecovery(stores.database, stores.redis))
    control = RoomControl(room_gate, metrics.rooms_are)
    closing.push_async_callback(ended, asyncio.create_task(control.run()))
    return Rooms(stock_gate, room_gate, shown, _open_seals(settings), draws)


def _open_order_streams(
    settings: Settings,
    stores: Stores,
    metrics: Metrics,
    orders: OrderLookup,
    rooms: Rooms,
    closing: AsyncExitStack,
) -> OrderStreams:
    feed = OrderFeed(stores.database, metrics, look_seconds=settings.stream_look_seconds)
    listener = ChangeListener(stores.redis, feed.changed, feed.look)
    room_feed = RoomFeed(rooms.seen)
    place_feed = PlaceFeed(RoomGate(stores.redis), RoomPlaces(stores.redis), rooms.place)
    for work in (feed.run(), listener.run(), room_feed.run(), place_feed.run()):
        closing.push_async_callback(ended, asyncio.create_task(work))
    streams = Streams(
        metrics,
        at_most=streams_that_fit(settings.api_max_streams, settings.api_max_connections),
        per_user=settings.streams_per_user,
        per_address=settings.streams_per_address,
        longest_seconds=settings.stream_seconds,
    )
    return OrderStreams(streams, feed, orders, room_feed, place_feed)


def _open_seals(settings: Settings) -> Seals:
    # Who takes tokens by a key set has no secret of ours yet, and needs one for rooms alone.
    secret = settings.room_secret.get_secret_value() or settings.jwt_secret.get_secret_value()
    return Seals(secret)


def _open_tokens(settings: Settings, closing: AsyncExitStack) -> Tokens:
    keys = KeySet(settings.jwks_url) if settings.jwks_url else None
    if keys:
        closing.push_async_callback(keys.aclose)
    return Tokens(
        secret=settings.jwt_secret.get_secret_value(),
        keys=keys,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
    )
