"""The sums the audit's rules compare, each a subquery with one row per item or order."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ColumnExpressionArgument,
    Subquery,
    and_,
    cast,
    func,
    or_,
    select,
)

from domain.payment import PaymentMethod
from domain.refund import RefundReason
from domain.states import HOLDING_STOCK, OWNING_STOCK, RefundStatus
from infra.postgres.tables.orders import orders
from infra.postgres.tables.payments import payment_flows, payments
from infra.postgres.tables.refunds import refunds
from infra.postgres.tables.stock import stock_movements


def same_item(left: Any, right: Any) -> ColumnElement[bool]:
    return and_(left.sale_id == right.sale_id, left.sku_id == right.sku_id)


def or_zero(column: ColumnElement[Any]) -> ColumnElement[int]:
    """What an outer join found, 0 where it found nothing."""
    return func.coalesce(column, 0)


def total(amount: ColumnElement[int], when: ColumnExpressionArgument[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(amount).filter(when), 0), BigInteger)


def stock_by_orders() -> Subquery:
    order = orders.c
    return (
        select(
            order.sale_id,
            order.sku_id,
            total(order.quantity, order.status.in_(HOLDING_STOCK)).label("held"),
            total(order.quantity, order.status.in_(OWNING_STOCK)).label("sold"),
        )
        .group_by(order.sale_id, order.sku_id)
        .subquery("stock_by_orders")
    )


def stock_by_movements() -> Subquery:
    moved = stock_movements.c
    return (
        select(moved.sale_id, moved.sku_id, *_moved())
        .group_by(moved.sale_id, moved.sku_id)
        .subquery("stock_by_movements")
    )


def moved_per_order() -> Subquery:
    moved = stock_movements.c
    return (
        select(moved.order_id, moved.sale_id, moved.sku_id, *_moved())
        .where(moved.order_id.is_not(None))
        .group_by(moved.order_id, moved.sale_id, moved.sku_id)
        .subquery("moved_per_order")
    )


def flows_per_order() -> Subquery:
    """`money` and `points` are what the order keeps: received less refunded."""
    flow = payment_flows.c
    came, went = flow.kind == "received", flow.kind == "refunded"
    by_points = flow.method == PaymentMethod.POINTS
    points = total(flow.amount, and_(came, by_points)) - total(flow.amount, and_(went, by_points))
    received, refunded = total(flow.amount, came), total(flow.amount, went)
    return (
        select(
            flow.order_id,
            received.label("received"),
            refunded.label("refunded"),
            (received - refunded - points).label("money"),
            points.label("points"),
        )
        .group_by(flow.order_id)
        .subquery("flows_per_order")
    )


def points_charges() -> Subquery:
    return (
        select(payments.c.order_id, func.max(payments.c.amount).label("amount"))
        .where(payments.c.method == PaymentMethod.POINTS)
        .group_by(payments.c.order_id)
        .subquery("points_charges")
    )


def refunds_on_their_way() -> Subquery:
    on_their_way = or_(
        refunds.c.status == RefundStatus.REQUESTED, refunds.c.status == RefundStatus.ACCEPTED
    )
    return (
        select(refunds.c.order_id, total(refunds.c.amount, on_their_way).label("amount"))
        .group_by(refunds.c.order_id)
        .subquery("refunds_on_their_way")
    )


def partial_refunds() -> Subquery:
    """What went back of orders that stay as they are."""
    given_back = and_(
        refunds.c.reason == RefundReason.PARTIAL, refunds.c.status == RefundStatus.DONE
    )
    return (
        select(refunds.c.order_id, total(refunds.c.amount, given_back).label("amount"))
        .group_by(refunds.c.order_id)
        .subquery("partial_refunds")
    )


def _moved() -> list[ColumnElement[int]]:
    kind, quantity = stock_movements.c.kind, stock_movements.c.quantity
    came = total(quantity, kind.in_(["opening", "restock"]))
    left_hold = total(quantity, kind.in_(["release", "sell"]))
    held = total(quantity, kind == "hold") - left_hold
    sold = total(quantity, kind.in_(["sell", "sell_again"]))
    kept = sold - total(quantity, kind == "take_back")
    return [came.label("total"), held.label("held"), kept.label("sold")]
