"""A5: every order keeps the money it should, and the provider's own book says the same."""

from dataclasses import dataclass, field

from audit.checks.provider_book import compare_with_book
from audit.findings import Finding, Looked, counted
from audit.refunds_under_way import refunds_under_way
from audit.sources import AuditSources
from domain.order import OrderDossier
from domain.payment import PaymentMethod
from domain.refund import Refund, RefundReason
from domain.states import OWNING_STOCK, OrderStatus, PaymentStatus, RefundStatus
from infra.postgres.audit_queries import AuditQueries
from infra.postgres.audit_values import MoneyBreak
from infra.postgres.orders import Orders

RULE = "paid orders keep their amount less partial refunds, all others nothing"
PAGE = 200


@dataclass
class _Ledger:
    findings: dict[str, Finding] = field(default_factory=dict)
    returning: int = 0


async def look(sources: AuditSources) -> Looked:
    ledger = _Ledger()
    await _judge_breaks(sources, ledger)
    await _judge_refunding(sources, ledger)
    book = await compare_with_book(sources)
    covered = f"{counted(ledger.returning, 'refund')} under way, {book.covered}"
    return Looked(covered, RULE, {**ledger.findings, **book.findings})


async def _judge_breaks(sources: AuditSources, ledger: _Ledger) -> None:
    async with sources.database.transaction() as connection:
        broken = await AuditQueries(connection).money_breaks()
        dossiers = {one.order_id: await Orders(connection).dossier(one.order_id) for one in broken}
    for one in broken:
        dossier = dossiers[one.order_id]
        what = await _explain(sources, one, dossier) if dossier else _of_no_order(one)
        if what is None:
            ledger.returning += 1
        else:
            ledger.findings[one.order_id] = Finding(what, (one.order_id,))


async def _explain(sources: AuditSources, broken: MoneyBreak, dossier: OrderDossier) -> str | None:
    """None when the surplus is on its way back."""
    order, keeps = dossier.order, _amount_kept(dossier)
    surplus = broken.received - broken.refunded - keeps
    should = f"order {order.order_id} is {order.status} and should keep {keeps}"
    moved = f"received {broken.received}, refunded {broken.refunded}"
    if surplus < 0:
        return f"{should}, but {moved}: {-surplus} missing"
    under_way = await refunds_under_way(sources.client, dossier.refunds)
    if surplus > 0 and sum(refund.amount for refund in under_way) >= surplus:
        return None
    return f"{should}, but {moved}: {surplus} too much, and no refund of it is under way"


def _amount_kept(dossier: OrderDossier) -> int:
    if dossier.order.status not in OWNING_STOCK:
        return 0
    points = (
        payment.amount
        for payment in dossier.payments
        if payment.method is PaymentMethod.POINTS and payment.status is PaymentStatus.PAID
    )
    partial = sum(refund.amount for refund in dossier.refunds if _is_given_back_in_part(refund))
    return next(points, dossier.order.amount - partial)


def _is_given_back_in_part(refund: Refund) -> bool:
    return refund.reason is RefundReason.PARTIAL and refund.status is RefundStatus.DONE


def _of_no_order(broken: MoneyBreak) -> str:
    moved = f"received {broken.received}, refunded {broken.refunded}"
    return f"money of an order that does not exist, {broken.order_id}: {moved}"


async def _judge_refunding(sources: AuditSources, ledger: _Ledger) -> None:
    """An order that waits for its refund must have one that somebody works on."""
    cursor: str | None = None
    while True:
        async with sources.database.transaction() as connection:
            orders, cursor = await Orders(connection).search(
                status=OrderStatus.REFUNDING, cursor=cursor, limit=PAGE
            )
            dossiers = [await Orders(connection).dossier(order.order_id) for order in orders]
        for dossier in dossiers:
            if dossier and dossier.order.status is OrderStatus.REFUNDING:
                await _judge_refund_of(sources, dossier, ledger)
        if cursor is None:
            return


async def _judge_refund_of(sources: AuditSources, dossier: OrderDossier, ledger: _Ledger) -> None:
    order_id = dossier.order.order_id
    if await refunds_under_way(sources.client, dossier.refunds):
        ledger.returning += 1
        return
    states = ", ".join(refund.status.value for refund in dossier.refunds) or "none"
    what = f"order {order_id} is refunding, but no refund is under way (refunds: {states})"
    ledger.findings.setdefault(order_id, Finding(what, (order_id,)))
