"""The workers beside the general one: of sales, and of refund calls, each on its own task queue."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from infra.settings import Settings
from infra.temporal.deployment import deployment_config
from infra.temporal.queues import refund_queue, sale_queue
from workflows.sale import SaleWorkflow

SALE_WORKFLOWS = [SaleWorkflow]
# A sale's end takes a few looks, and its cancel one walk: more at once would only take connections
# from those who buy.
SALES_AT_ONCE = 10
SHUTDOWN_GRACE = timedelta(seconds=10)

# Without Temporal's sandbox: entering it for each payload took a fifth of the worker's CPU. The
# tests run the same workflows in the sandbox, where a forbidden call fails.
WORKFLOW_RUNNER = UnsandboxedWorkflowRunner()


def build_sale_worker(
    client: Client, settings: Settings, activities: Sequence[Callable[..., Any]], **options: Any
) -> Worker:
    """Serves the queue of sales, with few slots."""
    return Worker(
        client,
        task_queue=sale_queue(settings.task_queue),
        activities=activities,
        **{
            # It lives for days, and what a new version does better is for it as well.
            "deployment_config": deployment_config(settings, VersioningBehavior.AUTO_UPGRADE),
            "workflows": SALE_WORKFLOWS,
            "max_concurrent_workflow_tasks": SALES_AT_ONCE,
            "max_concurrent_activities": SALES_AT_ONCE,
            "sticky_queue_schedule_to_start_timeout": timedelta(seconds=3),
            "graceful_shutdown_timeout": SHUTDOWN_GRACE,
            "workflow_runner": WORKFLOW_RUNNER,
            **options,
        },
    )


def build_refund_worker(
    client: Client, settings: Settings, activities: Sequence[Callable[..., Any]], **options: Any
) -> Worker:
    """Serves the queue of calls that ask providers for money back. The server paces it for all
    worker processes together, so each must ask for the same pace."""
    return Worker(
        client,
        task_queue=refund_queue(settings.task_queue),
        activities=activities,
        **{
            "deployment_config": deployment_config(settings),
            "max_concurrent_activities": settings.max_concurrent_activities,
            "max_task_queue_activities_per_second": settings.refund_calls_per_second,
            "graceful_shutdown_timeout": SHUTDOWN_GRACE,
            **options,
        },
    )
