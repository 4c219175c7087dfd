"""The inbox of providers' notices: judged, kept, answered.

A notice is in the inbox before its provider hears that we have it, so whatever happens next, it is
not lost: notices that nobody acted on are taken up again by the worker.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.attention import AttentionKind
from domain.notice import NO_NEWS, REFUSED, Notice, NoticeKind, Verdict, VerifiedNotice
from domain.payment import Payment, PaymentMethod, order_id_of_payment
from domain.surplus_money import is_settled
from infra.gateways.protocol import Gateway, RawNotice
from infra.postgres.archived_orders import ArchivedOrders
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import Payments
from infra.postgres.refused_notices import (
    KEPT_BYTES,
    KEPT_HEADER_CHARACTERS,
    RefusedNotices,
)
from notices.relay import NoticeRelay, RelayOutcome
from notices.stray_money import tell_of_stranded_money

log = structlog.get_logger()

# What is signed, and what a person looks for; all else may carry secrets of proxies between us.
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
_OURS = frozenset({Verdict.ACCEPTED, Verdict.NOT_PAID, Verdict.WRONG_AMOUNT})
# A wrong amount may be the notice's fault: its provider is asked before anything is done.
_TOLD = frozenset({Verdict.ACCEPTED, Verdict.WRONG_AMOUNT})


@dataclass(frozen=True)
class JudgedNotice:
    """`verdict` is on the notice that came; `kept` is the row that stands, which may have heard
    better before, or None where too many came that were refused. `must_be_told`: whom it concerns
    has not heard of it yet."""

    verdict: Verdict
    kept: Notice | None
    must_be_told: bool


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

    async def verify(self, method: PaymentMethod, raw: RawNotice) -> VerifiedNotice:
        """Whether it is genuine, before anybody is asked anything."""
        return await self._gateways[method].verify_notice(raw)

    async def receive(
        self, method: PaymentMethod, raw: RawNotice, verified: VerifiedNotice | None = None
    ) -> Verdict:
        """Judge a notice, `verified` already or not, and keep it, then tell its order. Raises what
        Postgres raises: then it is not kept, and the provider must send it again."""
        judged = await self._keep(method, raw, verified or await self.verify(method, raw))
        if judged.kept and judged.must_be_told:
            # Beside the answer: a provider allows seconds, and Temporal may be away for longer.
            self._relay.relay_in_background(judged.kept)
        return judged.verdict

    async def judge(self, method: PaymentMethod, raw: RawNotice) -> JudgedNotice:
        """Judge a notice and keep it. Raises what Postgres raises."""
        return await self._keep(method, raw, await self.verify(method, raw))

    async def _keep(
        self, method: PaymentMethod, raw: RawNotice, verified: VerifiedNotice
    ) -> JudgedNotice:
        async with self._database.transaction() as connection:
            payment = None
            # Only an authentic notice of ours may name a payment.
            if verified.payment_id is not None and verified.verdict in _OURS:
                payment = await Payments(connection).get(verified.payment_id)
            verdict = verdict_on(method, verified, payment)
            # Mentioned once more, as Alipay does when a trade can no longer be given back.
            of_nobody = verified.receipt if verdict is Verdict.UNKNOWN_PAYMENT else None
            is_old = of_nobody is not None and await ArchivedOrders(connection).took(of_nobody)
            verdict = Verdict.ACCEPTED if is_old else verdict
            if verdict in REFUSED and not await RefusedNotices(connection).has_room():
                log.warning("notice_not_kept", method=method, verdict=verdict)
                return JudgedNotice(verdict, None, must_be_told=False)
            kept = _what_is_kept(verdict, raw)
            notice = await Notices(connection).keep(
                notice_id_of(method, raw.body),
                method,
                verified.model_copy(update={"verdict": verdict}),
                payment.order_id if payment else None,
                kept.body,
                kept.headers,
            )
            must_be_told = await _must_be_told(connection, verdict, notice, payment)
            if is_old:
                await Notices(connection).mark_handled(notice.notice_id, NO_NEWS)
            if verdict is Verdict.UNKNOWN_PAYMENT and verified.receipt is not None:
                # The provider hears no, and in the end stops asking: the money would stay there.
                await tell_of_stranded_money(
                    connection,
                    order_id_of_payment(verified.receipt.payment_id),
                    verified.receipt,
                    "there is no such payment here",
                )
        log.info(
            "notice_kept",
            method=method,
            verdict=verdict,
            kind=verified.kind,
            order_id=notice.order_id,
            notice_id=notice.notice_id,
        )
        return JudgedNotice(verdict, notice, must_be_told)


def notice_id_of(method: PaymentMethod, body: bytes) -> str:
    """The same bytes are the same notice, however often they come."""
    return hashlib.sha256(method.encode() + b"\0" + body).hexdigest()


def _what_is_kept(verdict: Verdict, raw: RawNotice) -> RawNotice:
    headers = {name: value for name, value in raw.headers.items() if name in KEPT_HEADERS}
    if verdict not in REFUSED:
        return RawNotice(raw.body, headers)
    short = {name: value[:KEPT_HEADER_CHARACTERS] for name, value in headers.items()}
    return RawNotice(raw.body[:KEPT_BYTES], short)


def verdict_on(method: PaymentMethod, verified: VerifiedNotice, payment: Payment | None) -> Verdict:
    """What only someone who knows the payment can say."""
    if verified.payment_id is None or verified.verdict not in _OURS:
        return verified.verdict
    if payment is None or payment.method is not method:
        return Verdict.UNKNOWN_PAYMENT
    if verified.receipt and verified.receipt.amount != payment.amount:
        return Verdict.WRONG_AMOUNT
    return verified.verdict


async def _must_be_told(
    connection: AsyncConnection, verdict: Verdict, notice: Notice, payment: Payment | None
) -> bool:
    if notice.verdict is Verdict.NOT_PAID or (
        notice.verdict is Verdict.ACCEPTED and notice.kind is NoticeKind.OTHER
    ):
        # Or its bytes would wait for ever for somebody to act on them.
        await Notices(connection).mark_handled(notice.notice_id, NO_NEWS)
        return False
    if verdict not in _TOLD or notice.verdict not in _TOLD or notice.handled_at or not payment:
        return False
    if notice.kind is NoticeKind.REFUND:
        return True
    # Settled money may be mentioned again, as by Alipay's TRADE_FINISHED. But it is settled before
    # the workflow is told, which may not have heard of it by this notice or any other.
    settled = notice.receipt is not None and is_settled(payment, notice.receipt)
    if settled and not await Orders(connection).is_unheard_of(payment.order_id):
        await Notices(connection).mark_handled(notice.notice_id, RelayOutcome.DUPLICATE)
        return False
    if verdict is Verdict.WRONG_AMOUNT:
        received = notice.receipt.amount if notice.receipt else "another currency"
        # Once: providers repeat themselves, and what a person resolved is over.
        await Attentions(connection).raise_once(
            AttentionKind.SURPLUS_MONEY,
            notice.notice_id,
            order_id=payment.order_id,
            what=f"{notice.method} says {received} was paid for {payment.payment_id},"
            f" which asks for {payment.amount} (minor units)",
            advice="The provider is asked by itself, and money of another amount given back. If"
            " this stays open, compare with the provider's console.",
        )
    # However often these bytes are sent: the rounds tell it again, at their own pace.
    return notice.told_at is None
