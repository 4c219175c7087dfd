"""How workflows are told of money: at a pace, and not while Temporal is away."""

import asyncio
import time
from typing import Protocol

from temporalio.service import RPCError, RPCStatusCode

from domain.notice import RefundReport
from domain.order import Order
from domain.payment import PaymentMethod, Receipt
from domain.refund import RefundRequest
from domain.reservation import Intent
from domain.states import IN_HAND

TOLD_AT_ONCE = 64
SILENT_SECONDS = 1.0
# What Temporal says of the limit `history.maximumSignalsPerExecution`.
_SIGNALS_USED_UP = "execution limit for signal"


class WorkflowsToTell(Protocol):
    """Workflows are in a room above this one, so the relay is handed somebody who knows them.
    All of these raise RPCError or RuntimeError while Temporal is away."""

    async def tell_of_payment(
        self, order_id: str, receipt: Receipt, start: Intent | None = None
    ) -> bool:
        """False when no workflow of the order is running. With `start` one is started then, which
        is for an order alone that was just read as in hand."""

    async def tell_of_refund(self, method: PaymentMethod, news: RefundReport) -> bool:
        """False when no workflow of the refund is running."""

    async def start_refund(self, request: RefundRequest) -> bool:
        """False when it was asked for before."""


class OrdersToTell:
    def __init__(self, workflows: WorkflowsToTell) -> None:
        self._workflows = workflows
        self._few = asyncio.Semaphore(TOLD_AT_ONCE)
        self._silent_until = 0.0

    async def tell(self, order_id: str, receipt: Receipt, order: Order | None) -> bool:
        """False when no workflow of the order is running. Of an `order` that was just read as in
        hand one is started then: a payer overtakes those who wait to be started.

        Raises RPCError or RuntimeError while Temporal is away, and for a moment after.
        """
        # A new run of an order that is over would have to find that out.
        in_hand = order is not None and order.order_id == order_id and order.status in IN_HAND
        start = order.input_of_its_workflow if order and in_hand else None
        async with self._few:
            if time.monotonic() < self._silent_until:
                raise RPCError("Temporal was away a moment ago", RPCStatusCode.UNAVAILABLE, b"")
            try:
                return await self._workflows.tell_of_payment(order_id, receipt, start)
            except (RPCError, RuntimeError) as error:
                if nobody_answers(error):
                    # Thousands wait to be told; each would wait for the server that is away.
                    self._silent_until = time.monotonic() + SILENT_SECONDS
                raise


def hears_no_more(error: RPCError) -> bool:
    """Whether the workflow has had all the signals that Temporal lets one run take."""
    # By the words too: the status alone says no more than that something was wrong.
    refused = error.status is RPCStatusCode.INVALID_ARGUMENT
    return refused and _SIGNALS_USED_UP in error.message


def nobody_answers(error: Exception) -> bool:
    """Whether Temporal cannot be reached at all; anything else is about this one notice."""
    if isinstance(error, RPCError):
        return error.status is RPCStatusCode.UNAVAILABLE
    # temporalio says RuntimeError for a client that cannot connect.
    return isinstance(error, RuntimeError)
