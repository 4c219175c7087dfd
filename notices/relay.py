"""What providers told us, told on to the workflow it is about."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import structlog
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.ids import workflow_id
from domain.notice import Notice, NoticeKind, Verdict
from domain.payment import PaymentMethod, Receipt
from domain.refund import RefundRequest, refund_workflow_id
from domain.surplus_money import is_settled, surplus_refund, why_surplus
from infra.gateways.protocol import Gateway
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.refunds import Refunds

log = structlog.get_logger()

# Names of workflows and signals: what they are is known in rooms above this one.
PAYMENT_NOTICED = "payment_noticed"
REFUND_NOTICED = "refund_noticed"
REFUND_WORKFLOW = "RefundWorkflow"

TIMEOUT = timedelta(seconds=2)


class Relayed(StrEnum):
    """SIGNALLED: a running workflow knows; REFUNDING: nobody waited for the money, so it goes
    back; UNMATCHED: a person has to look; DUPLICATE and UNCONFIRMED: nothing to do."""

    SIGNALLED = "signalled"
    REFUNDING = "refunding"
    DUPLICATE = "duplicate"
    UNCONFIRMED = "unconfirmed"
    UNMATCHED = "unmatched"


class NoticeRelay:
    def __init__(
        self,
        database: Database,
        client: Client,
        gateways: Mapping[PaymentMethod, Gateway],
        task_queue: str,
    ) -> None:
        self._database = database
        self._client = client
        self._gateways = gateways
        self._task_queue = task_queue

    async def relay(self, notice: Notice) -> Relayed:
        """Tell whom it concerns; telling again is harmless.

        Raises RPCError or RuntimeError while Temporal is away, GatewayError while a provider that
        has to be asked is.
        """
        if notice.order_id is None:
            return Relayed.UNMATCHED
        if notice.kind is NoticeKind.REFUND:
            return await self._relay_refund(notice)
        receipt = await self._receipt(notice)
        if receipt is None:
            return await self._handled(notice, Relayed.UNCONFIRMED)
        receipt = receipt.model_copy(update={"notice_id": notice.notice_id})
        told = await self.tell_of_money(notice.order_id, receipt)
        if told is Relayed.DUPLICATE:
            return await self._handled(notice, told)
        if told is Relayed.UNMATCHED:
            return await self._raise_unmatched(
                notice,
                f"{notice.method} says {receipt.trade_no} was paid, but no workflow of the order"
                " is running",
                "Audit and repair, so that the order goes on; the notice is told again then.",
            )
        return told

    async def tell_of_money(self, order_id: str, receipt: Receipt) -> Relayed:
        """Tell the order of money that has arrived, however we heard of it. UNMATCHED: nobody
        waits for it, and yet the order should have it. Raises as `relay`."""
        if await self._is_old_news(receipt):
            return Relayed.DUPLICATE
        if await self._signal(workflow_id(order_id), PAYMENT_NOTICED, receipt):
            return Relayed.SIGNALLED
        return await self._start_refund(receipt)

    async def _receipt(self, notice: Notice) -> Receipt | None:
        """The money as it arrived. Where a notice names another amount than ours, the provider
        itself is asked: the notice may be forged by who knows the key, or the money be another."""
        if notice.verdict is Verdict.ACCEPTED:
            return notice.receipt
        gateway = self._gateways.get(notice.method)
        if notice.verdict is not Verdict.WRONG_AMOUNT or gateway is None or not notice.payment_id:
            return None
        trade = await gateway.query(notice.payment_id)
        if trade.receipt:
            await self._close_case(notice, f"{notice.method} has {trade.receipt.amount}")
        return trade.receipt

    async def _is_old_news(self, receipt: Receipt) -> bool:
        async with self._database.transaction() as connection:
            payment = await Payments(connection).get(receipt.payment_id)
        return payment is not None and is_settled(payment, receipt)

    async def _start_refund(self, receipt: Receipt) -> Relayed:
        """The order's workflow is over, so the money has nobody to take it."""
        request = await self._refund_of(receipt)
        if request is None:
            return Relayed.UNMATCHED
        try:
            await self._client.start_workflow(
                REFUND_WORKFLOW,
                request,
                id=request.workflow_id,
                task_queue=self._task_queue,
                rpc_timeout=TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return Relayed.REFUNDING
        log.info("late_money_found", order_id=request.order_id, reason=request.reason)
        return Relayed.REFUNDING

    async def _refund_of(self, receipt: Receipt) -> RefundRequest | None:
        async with self._database.transaction() as connection:
            payment = await Payments(connection).get(receipt.payment_id)
            order = await Orders(connection).get(payment.order_id) if payment else None
        if payment is None or order is None:
            return None
        reason = why_surplus(order, payment, receipt)
        return surplus_refund(order.order_id, receipt, reason, payment.currency) if reason else None

    async def _relay_refund(self, notice: Notice) -> Relayed:
        news = notice.refund
        if news is None:
            return Relayed.UNMATCHED
        name = refund_workflow_id(notice.method, news.refund_id)
        if await self._signal(name, REFUND_NOTICED, news):
            return await self._handled(notice, Relayed.SIGNALLED)
        async with self._database.transaction() as connection:
            refund = await Refunds(connection).get(news.refund_id)
        if refund and refund.is_over:
            return await self._handled(notice, Relayed.DUPLICATE)
        return await self._raise_unmatched(
            notice,
            f"{notice.method} says refund {news.refund_id} of {news.payment_id} was made, and we"
            " did not ask for it"
            if refund is None
            else f"{notice.method} has news of refund {news.refund_id}, and nobody works on it",
            "Find out who asked the provider for it, and correct the order's books.",
        )

    async def _signal(self, name: str, signal: str, news: object) -> bool:
        """False: no workflow of this name is running."""
        try:
            handle = self._client.get_workflow_handle(name)
            await handle.signal(signal, news, rpc_timeout=TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def _handled(self, notice: Notice, outcome: Relayed) -> Relayed:
        async with self._database.transaction() as connection:
            await Notices(connection).mark_handled(notice.notice_id, outcome)
        return outcome

    async def _close_case(self, notice: Notice, resolution: str) -> None:
        async with self._database.transaction() as connection:
            await Attentions(connection).resolve(
                AttentionKind.SURPLUS_MONEY, notice.notice_id, SYSTEM, resolution
            )

    async def _raise_unmatched(self, notice: Notice, what: str, advice: str) -> Relayed:
        async with self._database.transaction() as connection:
            await Attentions(connection).raise_(
                AttentionKind.UNMATCHED_NOTICE,
                notice.notice_id,
                order_id=notice.order_id,
                what=what,
                advice=advice,
            )
        return Relayed.UNMATCHED
