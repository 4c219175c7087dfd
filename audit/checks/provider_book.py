"""Our ledger beside the provider's own book, payment by payment."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from audit.findings import Finding, counted
from audit.queries import ROWS_PER_QUERY, fetch_all, known_orders, stream, total
from audit.running_workflows import ended_orders, refunds_under_way
from audit.sources import AuditSources
from audit.window import among
from domain.model import Value
from domain.payment import PaymentMethod, order_id_of_payment
from domain.states import OrderStatus
from infra.gateways.provider_book import BookTrade
from infra.postgres.refunds import Refunds
from infra.postgres.tables.ledger_archive import archived_payment_flows, archived_payments
from infra.postgres.tables.payments import payment_flows, payments


class PaymentMoney(Value):
    """What a payment received and gave back, in minor units, as our ledger has it."""

    payment_id: str
    order_id: str
    method: str
    received: int
    refunded: int


@dataclass(frozen=True)
class BookComparison:
    covered: str
    findings: Mapping[str, Finding] = field(default_factory=dict)


@dataclass(frozen=True)
class _Difference:
    """`trade` is None when the provider knows of no money for the payment."""

    money: PaymentMoney
    trade: BookTrade | None

    @property
    def paid(self) -> int:
        return self.trade.paid if self.trade else 0

    @property
    def refunded(self) -> int:
        return self.trade.refunded if self.trade else 0

    @property
    def is_none(self) -> bool:
        return (self.money.received, self.money.refunded) == (self.paid, self.refunded)

    def finding(self) -> Finding:
        theirs = f"the provider's book has {self.paid} paid and {self.refunded} refunded"
        ours = f"ours {self.money.received} and {self.money.refunded}"
        what = f"payment {self.money.payment_id}: {theirs}, {ours}"
        return Finding(what, (self.money.order_id,))


async def compare_with_book(sources: AuditSources) -> BookComparison:
    """Money the provider has for an order that still waits, or is giving back, is on its way."""
    if sources.book is None:
        return BookComparison("no provider's book to compare with")
    trades = {
        trade.out_trade_no: trade
        async for trade in sources.book.trades()
        if trade.paid and _is_looked_at(sources, trade.out_trade_no)
    }
    covered = f"{counted(len(trades), 'paid trade')} in the provider's book"
    findings: dict[str, Finding] = {}
    on_their_way = 0
    for one in await _differences(sources, trades):
        if await _is_arriving(sources, one) or await _is_returning(sources, one):
            on_their_way += 1
        else:
            findings[one.money.payment_id] = one.finding()
    for number, trade in trades.items():
        what = f"the provider's book has {trade.paid} paid for {number}, unknown to us"
        order_id = order_id_of_payment(number)
        findings[f"trade {number}"] = Finding(what, (order_id,) if order_id else ())
    if on_their_way:
        covered += f", the news of {on_their_way} on its way"
    return BookComparison(covered, findings)


def _is_looked_at(sources: AuditSources, number: str) -> bool:
    """What is no payment of an order of ours has no row that could have changed."""
    order_id = order_id_of_payment(number)
    return sources.window is None or order_id is None or order_id in sources.window.order_set


async def _differences(sources: AuditSources, trades: dict[str, BookTrade]) -> list[_Difference]:
    """Takes each trade we know out of `trades`: what remains there is unknown to us."""
    differences: list[_Difference] = []
    async with sources.database.transaction() as connection:
        async for money in payment_money(connection, sources.orders_within):
            difference = _Difference(money, trades.pop(money.payment_id, None))
            if not difference.is_none:
                differences.append(difference)
        # What remains may be of an order whose ledger is in the archive.
        async for money in archived_money(connection, list(trades)):
            difference = _Difference(money, trades.pop(money.payment_id))
            if not difference.is_none:
                differences.append(difference)
    return differences


async def _is_arriving(sources: AuditSources, one: _Difference) -> bool:
    """Paid, and the order still waits: it asks the provider itself before it gives up."""
    if not one.paid or one.money.received:
        return False
    order_id = one.money.order_id
    async with sources.database.transaction() as connection:
        status = (await known_orders(connection, [order_id])).get(order_id)
    if status is not OrderStatus.PENDING_PAYMENT:
        return False
    return not await ended_orders(sources.workflows, [order_id])


async def _is_returning(sources: AuditSources, one: _Difference) -> bool:
    if one.paid != one.money.received or one.refunded < one.money.refunded:
        return False
    async with sources.database.transaction() as connection:
        refunds = await Refunds(connection).of_order(one.money.order_id)
    mine = [refund for refund in refunds if refund.payment_id == one.money.payment_id]
    under_way = await refunds_under_way(sources.workflows, mine)
    return sum(refund.amount for refund in under_way) >= one.refunded - one.money.refunded


async def payment_money(
    connection: AsyncConnection, order_ids: tuple[str, ...] | None = None
) -> AsyncIterator[PaymentMoney]:
    """Every payment at a provider, by payment id. Points have no provider."""
    query = _money(payments, payment_flows).where(among(payments.c.order_id, order_ids))
    async for money in stream(connection, query, payments.c.payment_id, PaymentMoney):
        yield money


async def archived_money(
    connection: AsyncConnection, payment_ids: list[str]
) -> AsyncIterator[PaymentMoney]:
    """The same for those of the payments that are in the archive."""
    for start in range(0, len(payment_ids), ROWS_PER_QUERY):
        some = payment_ids[start : start + ROWS_PER_QUERY]
        query = _money(archived_payments, archived_payment_flows)
        found = query.where(archived_payments.c.payment_id.in_(some))
        for money in await fetch_all(connection, found, PaymentMoney):
            yield money


def _money(of_payments: Table, flows: Table) -> Select[*tuple[Any, ...]]:
    payment, flow = of_payments.c, flows.c
    return (
        select(
            payment.payment_id,
            payment.order_id,
            payment.method,
            total(flow.amount, flow.kind == "received").label("received"),
            total(flow.amount, flow.kind == "refunded").label("refunded"),
        )
        .select_from(of_payments.join(flows, flow.payment_id == payment.payment_id, isouter=True))
        .where(payment.method != PaymentMethod.POINTS)
        .group_by(payment.payment_id, payment.order_id, payment.method)
    )
