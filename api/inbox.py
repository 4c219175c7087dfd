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

from api.order_commands import OrderCommands
from domain.attention import AttentionKind
from domain.notice import Notice, NoticeKind, Verdict, VerifiedNotice
from domain.payment import Payment, PaymentMethod
from domain.states import PaymentStatus
from infra.gateways.protocol import Gateway, RawNotice
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.payments import Payments

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
_OURS = frozenset({Verdict.ACCEPTED, Verdict.NOT_PAID, Verdict.WRONG_AMOUNT})
_SETTLED = frozenset({PaymentStatus.PAID, PaymentStatus.REFUNDED})


class NoticeInbox:
    def __init__(
        self,
        database: Database,
        gateways: Mapping[PaymentMethod, Gateway],
        commands: OrderCommands,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._commands = commands
        self._telling: set[asyncio.Task[bool]] = set()

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

    async def tell(self, notice: Notice) -> bool:
        """Tell the order's workflow of an accepted payment. False when none is running: then a
        person has to look. Raises while Temporal is away."""
        if notice.receipt is None or notice.order_id is None:
            return False
        receipt = notice.receipt.model_copy(update={"notice_id": notice.notice_id})
        if await self._commands.tell_paid(notice.order_id, receipt):
            return True
        async with self._database.transaction() as connection:
            await _raise_unmatched(connection, notice)
        return False

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

    def _told(self, done: asyncio.Task[bool], notice: Notice) -> None:
        self._telling.discard(done)
        if done.cancelled():
            return
        if error := done.exception():
            expected = isinstance(error, RPCError | RuntimeError | TimeoutError)
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
    notice = await Notices(connection).keep(
        hashlib.sha256(method.encode() + b"\0" + raw.body).hexdigest(),
        method,
        judged,
        payment.order_id if payment else None,
        raw.body,
        {name: value for name, value in raw.headers.items() if name in KEPT_HEADERS},
    )
    if judged.verdict is Verdict.WRONG_AMOUNT and payment:
        await _raise_wrong_amount(connection, notice, payment)
    return notice


async def _is_news(
    connection: AsyncConnection, verdict: Verdict, notice: Notice, payment: Payment | None
) -> bool:
    """Whether the order must be told. Money that was settled already and is only mentioned again
    (Alipay's TRADE_FINISHED) is not news."""
    if verdict is not Verdict.ACCEPTED or notice.verdict is not Verdict.ACCEPTED:
        return False
    receipt = notice.receipt
    if notice.kind is not NoticeKind.PAYMENT or notice.handled_at or not (receipt and payment):
        return False
    if payment.status in _SETTLED and payment.trade_no == receipt.trade_no:
        await Notices(connection).mark_handled(notice.notice_id, DUPLICATE)
        return False
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
        advice="Compare with the provider's console; give the money back there if it arrived.",
    )


async def _raise_unmatched(connection: AsyncConnection, notice: Notice) -> None:
    receipt = notice.receipt
    await Attentions(connection).raise_(
        AttentionKind.UNMATCHED_NOTICE,
        notice.notice_id,
        order_id=notice.order_id,
        what=f"{notice.method} says {receipt.trade_no if receipt else '?'} was paid,"
        " but the order is over: no workflow of it is running",
        advice="Look at the order; if it does not own this money, give it back at the provider.",
    )
