"""What our processes say to workflows as clients of Temporal. Rooms below the workflows are handed
a `WorkflowClient` and declare what they need of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import order_id_of_workflow, workflow_id
from domain.notice import RefundReport
from domain.payment import PaymentMethod, Receipt
from domain.quoting import quoted
from domain.refund import RefundRequest, refund_workflow_id
from domain.reservation import Intent
from infra.settings import Settings
from infra.temporal.client import SALE_ID, attributes_of_a_new_order, connect_temporal
from infra.temporal.queues import sale_queue
from workflows.order import OrderWorkflow
from workflows.refund import RefundWorkflow
from workflows.sale import SaleRun, SaleWorkflow, sale_workflow_id
from workflows.updates import CancelOrder

# A provider waits for our answer to its notice, a buyer for the order; nobody waits for an audit.
NOTICE_TIMEOUT = timedelta(seconds=2)
START_TIMEOUT = timedelta(seconds=5)
AUDIT_TIMEOUT = timedelta(seconds=10)
DESCRIBED_AT_ONCE = 20
# Of five, the last; who says nothing has the third.
IN_BULK = Priority(priority_key=5)
# What the server notes by itself on a workflow whose tasks fail several times in a row.
REPORTED_PROBLEMS = "TemporalReportedProblems"
# Temporal refuses summaries above 200 bytes, and a user id may be long.
SUMMARY_BYTES = 180


class WorkflowClient:
    """Every method raises RPCError, or RuntimeError where a lazy client cannot connect, while
    Temporal is away. `gives_versions_their_share`: the server says which worker begins an order,
    not whoever starts it."""

    def __init__(
        self, client: Client, task_queue: str, *, gives_versions_their_share: bool = False
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._starts_eagerly = not gives_versions_their_share

    async def start_order(self, intent: Intent) -> None:
        """Afterwards the order's workflow runs, or has ended: started before is as good."""
        try:
            await self._client.start_workflow(
                OrderWorkflow.run,
                intent,
                id=workflow_id(intent.order_id),
                task_queue=self._task_queue,
                # An intent may be delivered twice, the second time when its order is over.
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                # To the worker of this very process, whatever share its version is to have.
                request_eager_start=self._starts_eagerly,
                rpc_timeout=START_TIMEOUT,
                static_summary=_summary(intent),
                search_attributes=attributes_of_a_new_order(intent),
            )
        except WorkflowAlreadyStartedError:
            return

    async def start_order_again(self, intent: Intent, *, even_if_it_runs: bool = False) -> bool:
        """Begins anew, however the workflow ended, and finds what its steps have done before.
        False when it runs after all; `even_if_it_runs` ends that run and begins a new one."""
        conflict = WorkflowIDConflictPolicy
        try:
            await self._client.start_workflow(
                OrderWorkflow.run,
                intent,
                id=workflow_id(intent.order_id),
                task_queue=self._task_queue,
                # Also one that completed: a Postgres that was put back has its order in hand again.
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=(
                    conflict.TERMINATE_EXISTING if even_if_it_runs else conflict.FAIL
                ),
                rpc_timeout=AUDIT_TIMEOUT,
                static_summary="started again",
                search_attributes=attributes_of_a_new_order(intent),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def give_up_order(self, intent: Intent, actor: str, reason: str) -> None:
        """Tells an order in hand that its sale is cancelled; starts one that was lost."""
        await self._client.start_workflow(
            OrderWorkflow.run,
            intent,
            id=workflow_id(intent.order_id),
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            # A signal and no update: nobody waits here until its providers have closed.
            start_signal="sale_cancelled",
            start_signal_args=[CancelOrder(actor=actor, reason=reason)],
            rpc_timeout=START_TIMEOUT,
            static_summary=_summary(intent),
            search_attributes=attributes_of_a_new_order(intent),
        )

    async def start_sale(self, sale_id: str, *, is_news: bool = False) -> None:
        """Afterwards the sale's workflow runs; with `is_news` it looks at the sale now."""
        await self._client.start_workflow(
            SaleWorkflow.run,
            SaleRun(sale_id=sale_id),
            id=sale_workflow_id(sale_id),
            task_queue=sale_queue(self._task_queue),
            # One that ended found nothing to do at that time.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="sale_changed" if is_news else None,
            rpc_timeout=NOTICE_TIMEOUT,
            static_summary=f"sale {sale_id}",
            search_attributes=TypedSearchAttributes([SearchAttributePair(SALE_ID, sale_id)]),
        )

    async def start_refund(self, request: RefundRequest) -> bool:
        """False when it was asked for before: one workflow for each trade, or part of it."""
        return await self._start_refund(request, Priority.default)

    async def start_refund_in_bulk(self, request: RefundRequest) -> bool:
        """As `start_refund`, for one of very many: everybody else's go first."""
        # Its activities inherit it, and the paced queue of refund calls goes by it.
        return await self._start_refund(request, IN_BULK)

    async def _start_refund(self, request: RefundRequest, priority: Priority) -> bool:
        try:
            await self._client.start_workflow(
                RefundWorkflow.run,
                request,
                id=request.workflow_id,
                task_queue=self._task_queue,
                priority=priority,
                rpc_timeout=NOTICE_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def tell_of_payment(
        self, order_id: str, receipt: Receipt, start: Intent | None = None
    ) -> bool:
        """False when no workflow of the order is running. With `start` one is started then, which
        is for an order alone that was just read as in hand."""
        if start is None:
            order = self._client.get_workflow_handle(workflow_id(order_id))
            return await _signal(order, OrderWorkflow.payment_noticed, receipt)
        await self._client.start_workflow(
            OrderWorkflow.run,
            start,
            id=workflow_id(order_id),
            task_queue=self._task_queue,
            # One that failed or was terminated begins anew: somebody must deliver what is paid.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="payment_noticed",
            start_signal_args=[receipt],
            rpc_timeout=NOTICE_TIMEOUT,
            static_summary=_summary(start),
            search_attributes=attributes_of_a_new_order(start),
        )
        return True

    async def tell_of_refund(self, method: PaymentMethod, news: RefundReport) -> bool:
        """False when no workflow of the refund is running."""
        name = refund_workflow_id(method, news.refund_id)
        refund = self._client.get_workflow_handle(name)
        return await _signal(refund, RefundWorkflow.refund_noticed, news)

    async def running_orders(self) -> AsyncIterator[str]:
        """Ids of orders with a running workflow by Temporal's search, which lags a little."""
        query = f"WorkflowType = '{OrderWorkflow.__name__}' AND ExecutionStatus = 'Running'"
        async for workflow in self._client.list_workflows(query, rpc_timeout=AUDIT_TIMEOUT):
            yield order_id_of_workflow(workflow.id)

    async def running_refunds(self) -> AsyncIterator[str]:
        """Names of refunds' workflows that run, by the same search."""
        query = f"WorkflowType = '{RefundWorkflow.__name__}' AND ExecutionStatus = 'Running'"
        async for workflow in self._client.list_workflows(query, rpc_timeout=AUDIT_TIMEOUT):
            yield workflow.id

    async def failing(self) -> AsyncIterator[tuple[str, str]]:
        """Workflows of any kind that run and whose tasks fail again and again, each by its id,
        and how; none where the server is too old to tell."""
        query = f"{REPORTED_PROBLEMS} IS NOT NULL AND ExecutionStatus = 'Running'"
        try:
            async for workflow in self._client.list_workflows(query, rpc_timeout=AUDIT_TIMEOUT):
                problems = workflow.search_attributes.get(REPORTED_PROBLEMS, ())
                yield workflow.id, ", ".join(str(problem) for problem in problems)
        except RPCError as error:
            # A server before 1.29 does not know the attribute.
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise

    async def ended(self, workflow_ids: Iterable[str]) -> dict[str, str]:
        """Those of the workflows that do not run, by their own records and not by the search,
        and what became of each."""
        few = asyncio.Semaphore(DESCRIBED_AT_ONCE)

        found: dict[str, str] = {}

        async def describe(name: str) -> None:
            handle = self._client.get_workflow_handle(name)
            try:
                async with few:
                    status = (await handle.describe(rpc_timeout=AUDIT_TIMEOUT)).status
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                found[name] = "does not exist"
                return
            if status is not WorkflowExecutionStatus.RUNNING:
                found[name] = f"has ended ({status.name.lower()})" if status else "has ended"

        await asyncio.gather(*(describe(name) for name in workflow_ids))
        return found


def starting(intent: Intent, task_queue: str) -> WithStartWorkflowOperation[Any, Any]:
    """The start of an order's workflow, for whoever has something to say to it that must not wait
    behind others: only of an order just read as in hand. One that runs hears it all the same."""
    return WithStartWorkflowOperation(
        OrderWorkflow.run,
        intent,
        id=workflow_id(intent.order_id),
        task_queue=task_queue,
        # One that failed or was terminated begins anew.
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=_summary(intent),
        search_attributes=attributes_of_a_new_order(intent),
    )


async def connect_workflows(settings: Settings) -> WorkflowClient:
    """Connects at the first call, so that Temporal may be away until then."""
    return WorkflowClient(await connect_temporal(lazy=True), settings.task_queue)


async def _signal(handle: WorkflowHandle[Any, Any], signal: Any, word: object) -> bool:
    """False when no workflow of this name is running."""
    try:
        await handle.signal(signal, word, rpc_timeout=NOTICE_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


def _summary(intent: Intent) -> str:
    line = f"{intent.quantity} × {intent.sku_id} for "
    left = SUMMARY_BYTES - len(line.encode()) - len(quoted("a")) + 1
    return line + quoted(intent.user_id.encode()[:left].decode(errors="ignore"))
