"""The inbox's second chance: notices whose order has not heard of them yet."""

from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.attention import AttentionKind
from domain.ids import workflow_id
from domain.model import Value
from domain.notice import Notice
from domain.payment import Receipt
from domain.states import PaymentStatus
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.payments import Payments

log = structlog.get_logger()

BATCH = 200
OLD_ENOUGH = timedelta(seconds=3)
SIGNAL_TIMEOUT = timedelta(seconds=2)
PAYMENT_NOTICED = "payment_noticed"


class Relayed(Value):
    signalled: int = 0
    duplicates: int = 0
    without_order: int = 0


class NoticeActivities:
    def __init__(self, database: Database, client: Client) -> None:
        self._database = database
        self._client = client

    @activity.defn
    async def relay_notices(self) -> Relayed:
        """Signal again every accepted notice nobody has acted on; one that finds no running
        order is kept and raised as attention."""
        async with self._database.transaction() as connection:
            older_than = datetime.now(UTC) - OLD_ENOUGH
            waiting = await Notices(connection).unhandled(older_than, BATCH)
        outcomes = [await self._relay(notice) for notice in waiting]
        return Relayed(
            signalled=outcomes.count("signalled"),
            duplicates=outcomes.count("duplicate"),
            without_order=outcomes.count("without_order"),
        )

    async def _relay(self, notice: Notice) -> str:
        receipt = notice.receipt
        if receipt is None or notice.order_id is None:
            return "ignored"
        if await self._is_duplicate(notice, receipt):
            return "duplicate"
        handle = self._client.get_workflow_handle(workflow_id(notice.order_id))
        try:
            await handle.signal(PAYMENT_NOTICED, receipt, rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            await self._raise_attention(notice)
            return "without_order"
        return "signalled"

    async def _is_duplicate(self, notice: Notice, receipt: Receipt) -> bool:
        async with self._database.transaction() as connection:
            payment = await Payments(connection).get(receipt.payment_id)
            if payment is None or payment.status is not PaymentStatus.PAID:
                return False
            if payment.trade_no != receipt.trade_no:
                return False
            return await Notices(connection).mark_handled(notice.notice_id, "duplicate")

    async def _raise_attention(self, notice: Notice) -> None:
        log.warning("notice_without_order", order_id=notice.order_id, notice_id=notice.notice_id)
        async with self._database.transaction() as connection:
            await Attentions(connection).raise_(
                AttentionKind.UNMATCHED_NOTICE,
                notice.notice_id,
                order_id=notice.order_id,
                what=f"{notice.method} says paid, and no order waits for it",
                advice="Give the money back at the provider, under its trade number.",
            )
