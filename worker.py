"""The worker process, from settings to a running worker, dispatcher and schedule."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import structlog
import uvloop
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    Interceptor,
    PollerBehaviorAutoscaling,
    Worker,
)

from activities.archive import ArchiveActivities
from activities.audits import AuditActivities
from activities.bills import BillActivities
from activities.deliveries import DeliveryActivities
from activities.first_step import FirstStepActivities
from activities.giving_back import GivingBack
from activities.handing_over import HandingOver
from activities.late_payments import LatePaymentActivities, OrdersToStart
from activities.left_behind import LeftBehindActivities
from activities.notices import NoticeActivities
from activities.open_bills import OpenBillActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.reconcile import ReconcileActivities
from activities.refund_calls import RefundCallActivities
from activities.refund_messages import RefundMessageActivities
from activities.refunds import RefundActivities
from activities.retirement import RetirementActivities
from activities.sale_cancellations import OrdersToUndo, SaleCancellationActivities
from activities.sales import SaleActivities
from activities.settlements import SettlementActivities
from activities.stock import StockActivities
from activities.stuck_steps import STUCK_AFTER, StuckSteps
from activities.sweep import SweepActivities
from audit.sources import OpenSources, open_sources
from dispatching.attention_teller import telling_operators
from dispatching.dispatcher import Dispatcher
from dispatching.sale_keeper import SaleKeeper
from domain.payment import PaymentMethod
from infra.background import ended
from infra.buyer_messages.protocol import MessageSender
from infra.buyer_messages.registry import open_message_sender
from infra.garbage import tune_garbage_collection
from infra.gateways.protocol import Gateway
from infra.postgres.engine import Database
from infra.redis.stock_gate import StockGate
from infra.settings import Settings
from infra.stores import open_providers, open_stores
from infra.telemetry import configure_logging, saying_why_not
from infra.temporal.client import connect_temporal, register_search_attributes
from infra.temporal.deployment import deployment_config, tell_of_no_share
from infra.temporal.waiting import when_temporal_answers
from notices.relay import NoticeRelay
from notices.telling import WorkflowsToTell
from schedules import keep_schedules, watch_schedules
from side_queues import (
    SHUTDOWN_GRACE,
    WORKFLOW_RUNNER,
    build_refund_worker,
    build_sale_worker,
)
from workflow_client import WorkflowClient
from workflows.archive import ArchiveWorkflow
from workflows.audit import AuditWorkflow
from workflows.bills import ReconcileBillsWorkflow
from workflows.order import OrderWorkflow
from workflows.reconcile import ReconcileWorkflow
from workflows.refund import RefundWorkflow
from workflows.retirement import RetirementWorkflow
from workflows.sweep import SweepWorkflow
from workflows.upkeep import UpkeepWorkflow

log = structlog.get_logger()

WORKFLOWS = [
    OrderWorkflow,
    RefundWorkflow,
    UpkeepWorkflow,
    ArchiveWorkflow,
    RetirementWorkflow,
    ReconcileBillsWorkflow,
    SweepWorkflow,
    ReconcileWorkflow,
    AuditWorkflow,
]
SERVER_AWAY = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED})


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Place accepted orders, start their workflows and serve the task queue until `stop` is set."""
    async with contextlib.AsyncExitStack() as closing:
        stores = await closing.enter_async_context(open_stores(settings))
        redis, database = stores.redis, stores.database
        gateways = await closing.enter_async_context(open_providers(settings, database))
        sender = open_message_sender(settings.messages, database)
        closing.push_async_callback(sender.aclose)
        dispatcher = Dispatcher(redis, database, sender)
        # Before Temporal is asked for: neither buyers nor who is called to help wait for it.
        await closing.enter_async_context(dispatcher.placing(stop))
        await closing.enter_async_context(telling_operators(settings, database, stop))
        client = await when_temporal_answers(partial(_open_temporal, settings), stop)
        if client is None:
            return

        is_versioned = bool(settings.worker_deployment)
        workflows = WorkflowClient(
            client, settings.task_queue, gives_versions_their_share=is_versioned
        )
        activities = build_activities(
            database,
            StockGate(redis),
            gateways,
            sender,
            workflows,
            partial(open_sources, settings, workflows),
            refund_spacing=settings.refund_spacing,
            refund_calls_per_second=settings.refund_calls_per_second,
        )
        async with workers(client, settings, activities):
            keeping = asyncio.create_task(SaleKeeper(database, workflows).run(stop))
            closing.push_async_callback(ended, keeping)
            tune_garbage_collection()
            telling = asyncio.create_task(tell_of_no_share(client, settings))
            closing.push_async_callback(ended, telling)
            log.info("worker_ready", task_queue=settings.task_queue)
            watching = asyncio.create_task(watch_schedules(client, settings, stop))
            try:
                await dispatcher.start_workflows(workflows, stop)
            finally:
                await ended(watching)


async def _open_temporal(settings: Settings) -> Client:
    """Raises RPCError, or RuntimeError, while Temporal is away."""
    client = await connect_temporal(metrics_port=settings.worker_metrics_port)
    try:
        await register_search_attributes(client)
    except RPCError as error:
        if error.status in SERVER_AWAY:
            raise
        # A cluster may leave this to its administrators: then they have done it, or starts fail.
        log.warning("search_attributes_not_registered", error=str(error)[:200])
    await keep_schedules(client, settings)
    return client


@dataclass(frozen=True)
class Activities:
    """Bound methods, as a worker registers them, and who watches over them. `refund_calls` have a
    queue of their own, which is paced, and so have `sales`."""

    general: list[Callable[..., Any]]
    sales: list[Callable[..., Any]]
    refund_calls: list[Callable[..., Any]]
    watch: StuckSteps


class WorkflowsOfAWorker(WorkflowsToTell, OrdersToStart, OrdersToUndo, Protocol):
    """What activities have workflows told, or started."""


def build_activities(
    database: Database,
    gate: StockGate,
    gateways: Mapping[PaymentMethod, Gateway],
    sender: MessageSender,
    workflows: WorkflowsOfAWorker,
    sources: OpenSources,
    *,
    refund_spacing: timedelta,
    refund_calls_per_second: float,
    stuck_after: timedelta = STUCK_AFTER,
) -> Activities:
    """All there are, over opened stores: the one list of them, for the worker and for tests."""
    relay = NoticeRelay(database, workflows, gateways)
    payments = PaymentActivities(database, gateways)
    stock, orders = StockActivities(gate), OrderActivities(database, GivingBack(gate))
    deliveries, audits = DeliveryActivities(database, sender), AuditActivities(database, sources)
    return Activities(
        general=activities_of(
            FirstStepActivities(database, gate, orders),
            stock,
            orders,
            payments,
            SettlementActivities(database, HandingOver(stock, deliveries)),
            deliveries,
            ArchiveActivities(database),
            RetirementActivities(database, gate),
            RefundActivities(database),
            LatePaymentActivities(database, workflows),
            RefundMessageActivities(database, sender),
            NoticeActivities(database, relay),
            LeftBehindActivities(database, payments, relay, workflows),
            BillActivities(database, relay, gateways),
            OpenBillActivities(database, gateways),
            SweepActivities(sources, workflows),
            ReconcileActivities(sources),
            audits,
        ),
        sales=activities_of(
            SaleActivities(database, gate, audits),
            SaleCancellationActivities(database, gate, workflows, refund_calls_per_second),
        ),
        refund_calls=activities_of(RefundCallActivities(database, gateways, refund_spacing)),
        watch=StuckSteps(database, stuck_after),
    )


def activities_of(*objects: object) -> list[Callable[..., Any]]:
    """Every `@activity.defn` method of the given objects, bound."""
    methods = (getattr(one, name) for one in objects for name in dir(one))
    return [method for method in methods if hasattr(method, "__temporal_activity_definition")]


@contextlib.asynccontextmanager
async def workers(
    client: Client,
    settings: Settings,
    activities: Activities,
    *,
    interceptors: Sequence[Interceptor] = (),
    graceful_shutdown_timeout: timedelta = SHUTDOWN_GRACE,
    **options: Any,
) -> AsyncIterator[None]:
    """All workers of a process, each step of theirs watched. `options` are for those that serve
    workflows."""
    shared: dict[str, Any] = {
        "interceptors": [activities.watch, *interceptors],
        "graceful_shutdown_timeout": graceful_shutdown_timeout,
    }
    async with (
        build_worker(client, settings, activities.general, **shared, **options),
        build_sale_worker(client, settings, activities.sales, **shared, **options),
        build_refund_worker(client, settings, activities.refund_calls, **shared),
    ):
        yield


def build_worker(
    client: Client, settings: Settings, activities: Sequence[Callable[..., Any]], **options: Any
) -> Worker:
    """The worker as production runs it; `options` override for tests and measurements."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        activities=activities,
        **{
            "deployment_config": deployment_config(settings),
            "workflows": WORKFLOWS,
            "workflow_runner": WORKFLOW_RUNNER,
            "max_cached_workflows": settings.max_cached_workflows,
            "max_concurrent_workflow_tasks": 200,
            "max_concurrent_activities": settings.max_concurrent_activities,
            "max_concurrent_local_activities": settings.max_concurrent_activities,
            # A sale opens with a burst of starts, which one poller would serve one by one.
            "workflow_task_poller_behavior": PollerBehaviorAutoscaling(minimum=2, maximum=20),
            "activity_task_poller_behavior": PollerBehaviorAutoscaling(minimum=1, maximum=10),
            "sticky_queue_schedule_to_start_timeout": timedelta(seconds=3),
            "graceful_shutdown_timeout": SHUTDOWN_GRACE,
            **options,
        },
    )


async def _serve(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await run_worker(settings, stop)


def main(*, deployment: str | None = None, build_id: str | None = None) -> None:
    """`deployment` and `build_id` go before the environment's."""
    said = {"worker_deployment": deployment, "worker_build_id": build_id}
    with saying_why_not():
        known = {name: value for name, value in said.items() if value is not None}
        settings = Settings().model_copy(update=known)
        configure_logging(settings)
        uvloop.run(_serve(settings))


if __name__ == "__main__":
    main()
