"""Timers after which a payment's provider is asked, for payments that no round asks after: those
begun by the release before this one, or asked after often enough. Notices get lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.payment import ASK_AFTER, Payment


class Watches:
    """`is_open` tells whether a payment, by its id, may still take money; `ask` asks."""

    def __init__(
        self, is_open: Callable[[str], bool], ask: Callable[[str], Awaitable[None]]
    ) -> None:
        self._is_open = is_open
        self._ask = ask
        self._running: dict[str, asyncio.Task[None]] = {}

    def begin(self, payment: Payment) -> None:
        is_seen_to = payment.ask_at or payment.receipt or payment.payment_id in self._running
        if not is_seen_to:
            # A task without a name anywhere may be collected while it waits.
            self._running[payment.payment_id] = asyncio.create_task(self._watch(payment))

    async def _watch(self, payment: Payment) -> None:
        waited = timedelta()
        for moment in ASK_AFTER:
            # Later than that the close asks, so no timer is started for it.
            if workflow.now() + moment - waited >= payment.expires_at:
                return
            await workflow.sleep(moment - waited, summary="ask the provider if no notice came")
            waited = moment
            if not self._is_open(payment.payment_id):
                return
            await self._ask(payment.payment_id)
