"""A5: every order keeps the money it should, and the provider's own book says the same."""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Subquery, and_, case, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.checks.provider_book import compare_with_book
from audit.findings import Finding, Look, counted
from audit.queries import fetch_all, flows_per_order, or_zero, total
from audit.running_workflows import UNDER_WAY, refunds_under_way
from audit.sources import AuditSources
from audit.window import among, rows_among
from domain.model import Value
from domain.order import OrderDossier
from domain.payment import PaymentMethod
from domain.refund import RefundReason
from domain.states import OWNING_STOCK, OrderStatus, PaymentStatus, RefundStatus
from infra.postgres.orders import Orders
from infra.postgres.tables.orders import orders
from infra.postgres.tables.payments import payments
from infra.postgres.tables.refunds import refunds

RULE = "paid orders keep their amount less partial refunds, all others nothing"
ORDERS_PER_PAGE = 200


class WrongMoney(Value):
    """An order that keeps other money than it should, in minor units; `refunding` is on its way
    back already. `status` is None for money of no order."""

    order_id: str
    status: OrderStatus | None
    amount: int
    received: int
    refunded: int
    refunding: int

    @property
    def moved(self) -> str:
        return f"received {self.received}, refunded {self.refunded}"


@dataclass
class _Judged:
    findings: dict[str, Finding] = field(default_factory=dict)
    returning: int = 0


async def look(sources: AuditSources) -> Look:
    judged = _Judged()
    await _judge_wrong_money(sources, judged)
    await _judge_refunding_orders(sources, judged)
    book = await compare_with_book(sources)
    covered = f"{counted(judged.returning, 'refund')} under way, {book.covered}"
    return Look(covered, RULE, {**judged.findings, **book.findings})


async def _judge_wrong_money(sources: AuditSources, judged: _Judged) -> None:
    async with sources.database.transaction() as connection:
        suspects = await orders_with_wrong_money(connection, sources.orders_within)
        dossiers = [await Orders(connection).dossier(one.order_id) for one in suspects]
    for one, dossier in zip(suspects, dossiers, strict=True):
        what = f"money of an order that does not exist, {one.order_id}: {one.moved}"
        if dossier is not None:
            keeps = amount_to_keep(dossier)
            surplus = one.received - one.refunded - keeps
            wrong = f"{-surplus} missing"
            if surplus >= 0:
                under_way = await refunds_under_way(sources.workflows, dossier.refunds)
                if 0 < surplus <= sum(refund.amount for refund in under_way):
                    judged.returning += 1
                    continue
                wrong = f"{surplus} too much, and no refund of it is under way"
            should = f"order {one.order_id} is {dossier.order.status} and should keep {keeps}"
            what = f"{should}, but {one.moved}: {wrong}"
        judged.findings[one.order_id] = Finding(what, (one.order_id,))


def amount_to_keep(dossier: OrderDossier) -> int:
    """In minor units, or in points for an order that was paid with them."""
    if dossier.order.status not in OWNING_STOCK:
        return 0
    for payment in dossier.payments:
        if payment.method is PaymentMethod.POINTS and payment.status is PaymentStatus.PAID:
            return payment.amount
    given_back = (
        refund.amount
        for refund in dossier.refunds
        if refund.reason is RefundReason.PARTIAL and refund.status is RefundStatus.DONE
    )
    return dossier.order.amount - sum(given_back)


async def _judge_refunding_orders(sources: AuditSources, judged: _Judged) -> None:
    """An order that waits for its refund must have one that somebody works on."""
    cursor: str | None = None
    while True:
        async with sources.database.transaction() as connection:
            found, cursor = await Orders(connection).search(
                status=OrderStatus.REFUNDING, cursor=cursor, limit=ORDERS_PER_PAGE
            )
            dossiers = [await Orders(connection).dossier(order.order_id) for order in found]
        for dossier in dossiers:
            # Its refund may have been done since the search.
            if dossier is None or dossier.order.status is not OrderStatus.REFUNDING:
                continue
            if await refunds_under_way(sources.workflows, dossier.refunds):
                judged.returning += 1
                continue
            order_id = dossier.order.order_id
            states = ", ".join(refund.status.value for refund in dossier.refunds) or "none"
            what = f"order {order_id} is refunding, but no refund is under way (refunds: {states})"
            judged.findings.setdefault(order_id, Finding(what, (order_id,)))
        if cursor is None:
            return


async def orders_with_wrong_money(
    connection: AsyncConnection, order_ids: tuple[str, ...] | None = None
) -> list[WrongMoney]:
    """Orders that keep other money than they should. A paid one keeps its amount less its partial
    refunds, or the price in points of its points payment, never both; a refunding one may have
    given all back already; any other, and money of no order, keeps nothing."""
    ordered = rows_among(orders, "order_id", order_ids)
    order, refund = ordered.c, refunds.c
    flows, charge = flows_per_order(order_ids), _points_charges(order_ids)
    given_back = and_(refund.reason == RefundReason.PARTIAL, refund.status == RefundStatus.DONE)
    partial = _refunded("partial_refunds", order_ids, given_back)
    under_way = refund.status.in_(UNDER_WAY)
    returning = _refunded("refunds_under_way", order_ids, under_way)
    money, points = or_zero(flows.c.money), or_zero(flows.c.points)
    empty = and_(money == 0, points == 0)
    by_money = and_(money == order.amount - or_zero(partial.c.amount), points == 0)
    by_points = and_(money == 0, points == charge.c.amount)
    # Without a points payment the comparison with its price is NULL, which NOT leaves NULL: such
    # an order would never be named.
    full = func.coalesce(or_(by_money, by_points), False)
    sound = case(
        (order.status == OrderStatus.REFUNDING, or_(full, empty)),
        (order.status.in_(OWNING_STOCK), full),
        else_=empty,
    )
    order_id = func.coalesce(order.order_id, flows.c.order_id)
    query = (
        select(
            order_id.label("order_id"),
            order.status,
            or_zero(order.amount).label("amount"),
            or_zero(flows.c.received).label("received"),
            or_zero(flows.c.refunded).label("refunded"),
            or_zero(returning.c.amount).label("refunding"),
        )
        .select_from(
            ordered.join(flows, flows.c.order_id == order.order_id, full=True)
            .outerjoin(charge, charge.c.order_id == order.order_id)
            .outerjoin(partial, partial.c.order_id == order.order_id)
            .outerjoin(returning, returning.c.order_id == order_id)
        )
        .where(not_(sound))
    )
    return await fetch_all(connection, query, WrongMoney)


def _points_charges(order_ids: tuple[str, ...] | None) -> Subquery:
    """What each order asks for in points, where it was offered for points."""
    return (
        select(payments.c.order_id, func.max(payments.c.amount).label("amount"))
        .where(among(payments.c.order_id, order_ids), payments.c.method == PaymentMethod.POINTS)
        .group_by(payments.c.order_id)
        .subquery("points_charges")
    )


def _refunded(name: str, order_ids: tuple[str, ...] | None, which: ColumnElement[bool]) -> Subquery:
    amount = total(refunds.c.amount, which).label("amount")
    query = select(refunds.c.order_id, amount).where(among(refunds.c.order_id, order_ids))
    return query.group_by(refunds.c.order_id).subquery(name)
