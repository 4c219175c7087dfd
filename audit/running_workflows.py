"""What the audit asks of workflows. Their classes are in rooms above this one, so it is handed
somebody who knows them."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol

from domain.ids import workflow_id
from domain.refund import Refund
from domain.reservation import Intent
from domain.states import RefundStatus

UNDER_WAY = (RefundStatus.REQUESTED, RefundStatus.ACCEPTED)


class AuditedWorkflows(Protocol):
    """All of these raise RPCError or RuntimeError while Temporal is away."""

    def running_orders(self) -> AsyncIterator[str]:
        """Ids of orders with a running workflow by Temporal's search, which lags a little."""

    def running_refunds(self) -> AsyncIterator[str]:
        """Names of refunds' workflows that run, by the same search."""

    def failing(self) -> AsyncIterator[tuple[str, str]]:
        """Workflows of any kind that run and cannot go on, each by its id, and why; none where
        the server does not watch for that."""

    async def ended(self, workflow_ids: Iterable[str]) -> Mapping[str, str]:
        """Those of the workflows that do not run, by their own records and not by the search,
        and what became of each: "does not exist", "has ended (failed)"."""

    async def start_order_again(self, intent: Intent, *, even_if_it_runs: bool = False) -> bool:
        """However it ended. False when it runs after all; `even_if_it_runs` ends that run and
        begins a new one."""


async def ended_orders(workflows: AuditedWorkflows, order_ids: Iterable[str]) -> dict[str, str]:
    """Those of the orders whose workflow does not run, and what became of it."""
    names = {workflow_id(order_id): order_id for order_id in order_ids}
    return {names[name]: state for name, state in (await workflows.ended(names)).items()}


async def refunds_under_way(workflows: AuditedWorkflows, refunds: Sequence[Refund]) -> list[Refund]:
    """Refunds somebody is working on: asked for, not done, and with a running workflow."""
    candidates = [refund for refund in refunds if refund.status in UNDER_WAY]
    ended = await workflows.ended({refund.workflow_id for refund in candidates})
    return [refund for refund in candidates if refund.workflow_id not in ended]
