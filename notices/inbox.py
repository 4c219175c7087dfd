"""The inbox of providers' notices: judged, kept, answered; then the order is told.

A notice is in the inbox before its provider hears that we have it, so whatever happens next, it is
not lost: notices that nobody acted on are taken up again by the worker.
"""

import asyncio
import hashlib
from collections.abc import Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.service import RPCError

from domain.attention import AttentionKind
from domain.gateway_errors import GatewayError
from domain.notice import Notice, NoticeKind, Verdict, VerifiedNotice
from domain.payment import Payment, PaymentMethod
from domain.surplus_money import is_settled
from infra.gateways.protocol import Gateway, RawNotice
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.payments import Payments
from notices.relay import NoticeRelay, Relayed

log = structlog.get_logger()

KEPT_HEADERS = frozenset(
    {
        "content-type",
        "user-agent",
        "wechatpay-nonce",
        "wechatpay-serial",
        "wechatpay-signature",
        "wechatpay-signature-type",
        "wechatpay-timestamp",
        "request-id",
    }
)
DUPLICATE = "duplicate"
DRAIN_SECONDS = 2.0
TELL_SECONDS = 12.0
_OURS = frozenset({Verdict.ACCEPTED, Verdict.NOT_PAID, Verdict.WRONG_AMOUNT})
# A wrong amount may be the notice's fault: its provider is asked before anything is done.
_TOLD = frozenset({Verdict.ACCEPTED, Verdict.WRONG_AMOUNT})


class NoticeInbox:
    def __init__(
        self,
        database: Database,
        gateways: Mapping[PaymentMethod, Gateway],
        relay: NoticeRelay,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._relay = relay
        self._telling: set[asyncio.Task[Relayed]] = set()

    async def receive(self, method: PaymentMethod, raw: RawNotice) -> Verdict:
        """Judge a notice and keep it, then tell its order. Raises what Postgres raises: then it
        is not kept, and the provider must send it again."""
        verdict, news = await self.judge(method, raw)
        if news:
            self._tell_soon(news)
        return verdict

    async def judge(self, method: PaymentMethod, raw: RawNotice) -> tuple[Verdict, Notice | None]:
        """Judge a notice and keep it. With the verdict comes the notice if its order must still
        be told of it."""
        judged = await self._gateways[method].verify_notice(raw)
        async with self._database.transaction() as connection:
            payment = await _payment_of(connection, judged)
            judged = judged.model_copy(update={"verdict": _verdict(method, judged, payment)})
            notice = await _keep(connection, method, judged, payment, raw)
            news = await _is_news(connection, judged.verdict, notice, payment)
        log.info(
            "notice_kept",
            method=method,
            verdict=judged.verdict,
            kind=judged.kind,
            order_id=notice.order_id,
            notice_id=notice.notice_id,
        )
        return judged.verdict, notice if news else None

    async def tell(self, notice: Notice) -> Relayed:
        """Tell whom the notice concerns. Raises RPCError, RuntimeError or TimeoutError while
        Temporal is away, GatewayError while a provider that has to be asked is."""
        # The client connects at its first call and would wait for that without end.
        async with asyncio.timeout(TELL_SECONDS):
            return await self._relay.relay(notice)

    async def aclose(self) -> None:
        """Give the last signals a moment; what does not get out is taken up by the worker."""
        if self._telling:
            _, late = await asyncio.wait(self._telling, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()

    def _tell_soon(self, notice: Notice) -> None:
        # Beside the answer: a provider allows seconds, and Temporal may be away for longer.
        task = asyncio.create_task(self.tell(notice))
        self._telling.add(task)
        task.add_done_callback(lambda done: self._told(done, notice))

    def _told(self, done: asyncio.Task[Relayed], notice: Notice) -> None:
        self._telling.discard(done)
        if done.cancelled():
            return
        if error := done.exception():
            expected = isinstance(error, RPCError | RuntimeError | TimeoutError | GatewayError)
            log.log(
                30 if expected else 40,
                "notice_not_told",
                order_id=notice.order_id,
                error=repr(error)[:200],
            )


async def _payment_of(connection: AsyncConnection, judged: VerifiedNotice) -> Payment | None:
    """Only an authentic notice of ours may name a payment."""
    if judged.payment_id is None or judged.verdict not in _OURS:
        return None
    return await Payments(connection).get(judged.payment_id)


async def _keep(
    connection: AsyncConnection,
    method: PaymentMethod,
    judged: VerifiedNotice,
    payment: Payment | None,
    raw: RawNotice,
) -> Notice:
    return await Notices(connection).keep(
        hashlib.sha256(method.encode() + b"\0" + raw.body).hexdigest(),
        method,
        judged,
        payment.order_id if payment else None,
        raw.body,
        {name: value for name, value in raw.headers.items() if name in KEPT_HEADERS},
    )


async def _is_news(
    connection: AsyncConnection, verdict: Verdict, notice: Notice, payment: Payment | None
) -> bool:
    """Whether somebody must be told. Money that was settled already and is only mentioned again
    (Alipay's TRADE_FINISHED) is not news."""
    if verdict not in _TOLD or notice.verdict not in _TOLD or notice.handled_at or not payment:
        return False
    if notice.kind is not NoticeKind.PAYMENT:
        return notice.kind is NoticeKind.REFUND
    if notice.receipt and is_settled(payment, notice.receipt):
        await Notices(connection).mark_handled(notice.notice_id, DUPLICATE)
        return False
    if verdict is Verdict.WRONG_AMOUNT:
        await _raise_wrong_amount(connection, notice, payment)
    return True


def _verdict(method: PaymentMethod, judged: VerifiedNotice, payment: Payment | None) -> Verdict:
    """What only someone who knows the payment can say."""
    if judged.payment_id is None or judged.verdict not in _OURS:
        return judged.verdict
    if payment is None or payment.method is not method:
        return Verdict.UNKNOWN_PAYMENT
    if judged.receipt and judged.receipt.amount != payment.amount:
        return Verdict.WRONG_AMOUNT
    return judged.verdict


async def _raise_wrong_amount(
    connection: AsyncConnection, notice: Notice, payment: Payment
) -> None:
    received = notice.receipt.amount if notice.receipt else "another currency"
    await Attentions(connection).raise_(
        AttentionKind.SURPLUS_MONEY,
        notice.notice_id,
        order_id=payment.order_id,
        what=f"{notice.method} says {received} was paid for {payment.payment_id},"
        f" which asks for {payment.amount} (minor units)",
        advice="The provider is asked by itself, and money of another amount given back. If this"
        " stays open, compare with the provider's console.",
    )
