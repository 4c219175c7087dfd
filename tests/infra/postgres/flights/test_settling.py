import asyncio
import random
from typing import NamedTuple

import pytest

from domain.notice import NoticeKind, Verdict, VerifiedNotice
from domain.order import Order
from domain.payment import FlowKind, Payment, PaymentMethod
from domain.sale import Item
from domain.states import OrderStatus, PaymentStatus
from infra.postgres.engine import Database
from infra.postgres.flights.placing import PlacingFlights
from infra.postgres.flights.settling import Money, Settling, SettlingFlights
from infra.postgres.notices import Notices
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows, Payments
from infra.postgres.refunds import Refunds
from tests.support.ledger import begin, damage, figures, open_item, pay, place, settle
from tests.support.ledger_lines import ledger_lines
from tests.support.stores import empty_postgres
from tests.support.values import a_payment, a_receipt, a_refund, an_order

PAID_NOW = Settling(OrderStatus.PAID, took_it=True, is_new=True)
PAID_BEFORE = Settling(OrderStatus.PAID, took_it=True)
NOT_PLAIN = Settling(OrderStatus.PENDING_PAYMENT, took_it=False)


def _money(payment: Payment, **changes: object) -> Money:
    return Money(payment.order_id, a_receipt(payment).model_copy(update=changes))


async def _begun(database: Database, item: Item, buyer: str = "ada") -> Payment:
    return await begin(database, a_payment(await place(database, item, buyer)))


async def _settle_all(database: Database, *money: Money) -> list[Settling]:
    flights = SettlingFlights(database)
    return await asyncio.gather(*map(flights.settle, money))


async def _keep(
    database: Database, payment: Payment, verdict: Verdict, kind: NoticeKind = NoticeKind.PAYMENT
) -> str:
    notice = VerifiedNotice(
        provider_notice_id="N",
        kind=kind,
        verdict=verdict,
        payment_id=payment.payment_id,
        receipt=a_receipt(payment),
    )
    notice_id = f"notice of {payment.payment_id}"
    async with database.transaction() as connection:
        await Notices(connection).keep(notice_id, payment.method, notice, payment.order_id, b"", {})
    return notice_id


async def test_money_that_arrives_together_is_settled_together(database: Database) -> None:
    item = await open_item(database)
    payments = [await _begun(database, item, buyer) for buyer in ("ada", "bob", "cyd")]
    assert await _settle_all(database, *map(_money, payments)) == [PAID_NOW] * 3
    assert await figures(database, item) == (7, 0, 3)
    async with database.driver() as driver:
        written = await driver.fetch(
            "SELECT DISTINCT xmin::text FROM orders UNION SELECT xmin::text FROM sale_items"
            " UNION SELECT xmin::text FROM payment_flows"
        )
    assert len(written) == 1


async def test_one_statement_of_before_writes_the_same_for_each(
    database: Database, postgres_dsn: str
) -> None:
    orders = [an_order(await open_item(database), buyer) for buyer in ("ada", "bob", "cyd")]
    ledgers = []
    for together in (True, False):
        await empty_postgres(postgres_dsn)
        await open_item(database)
        payments = []
        for order in orders:
            standing = await PlacingFlights(database).place(order.intent)
            payments.append(await begin(database, a_payment(standing.order)))
        if together:
            await _settle_all(database, *map(_money, payments))
        else:
            for payment in payments:
                await settle(database, payment)
        ledgers.append(await ledger_lines(database))
    assert ledgers[0] == ledgers[1]


async def test_the_same_money_is_no_news(database: Database) -> None:
    payment = await pay(database, await place(database, await open_item(database)))
    assert await _settle_all(database, _money(payment)) == [PAID_BEFORE]


async def test_twins_of_one_notice_hear_the_same(database: Database) -> None:
    payment = await _begun(database, await open_item(database))
    assert await _settle_all(database, *[_money(payment)] * 3) == [PAID_NOW] * 3


async def test_an_order_takes_one_of_two_payments_that_arrive_together(
    database: Database,
) -> None:
    item = await open_item(database)
    order = await place(database, item)
    by_alipay = await begin(database, a_payment(order))
    by_wechat = await begin(database, a_payment(order, PaymentMethod.WECHATPAY))
    answers = await _settle_all(database, _money(by_alipay), _money(by_wechat))
    assert answers == [PAID_NOW, Settling(OrderStatus.PAID, took_it=False)]
    assert await figures(database, item) == (9, 0, 1)


async def test_a_notice_is_left_for_the_workflow_to_handle(database: Database) -> None:
    payment = await _begun(database, await open_item(database))
    notice_id = await _keep(database, payment, Verdict.ACCEPTED)
    assert await _settle_all(database, _money(payment, notice_id=notice_id)) == [PAID_NOW]
    async with database.transaction() as connection:
        notice = await Notices(connection).get(notice_id)
    assert notice is not None
    assert notice.handled_at is None


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Verdict.WRONG_AMOUNT, NoticeKind.PAYMENT),
        (Verdict.NOT_PAID, NoticeKind.PAYMENT),
        (Verdict.ACCEPTED, NoticeKind.REFUND),
    ],
)
async def test_a_notice_in_doubt_settles_nothing(
    database: Database, verdict: Verdict, kind: NoticeKind
) -> None:
    payment = await _begun(database, await open_item(database))
    notice_id = await _keep(database, payment, verdict, kind)
    assert await _settle_all(database, _money(payment, notice_id=notice_id)) == [NOT_PLAIN]


class Doubt(NamedTuple):
    """What makes money that is not the plain case, as a statement on the ledger."""

    why: str
    sql: str = ""
    receipt: dict[str, object] = {}  # noqa: RUF012
    status: OrderStatus = OrderStatus.PENDING_PAYMENT


DOUBTS = [
    Doubt("another amount", receipt={"amount": 1}),
    Doubt("another method", receipt={"method": PaymentMethod.WECHATPAY}),
    Doubt("an unknown payment", receipt={"payment_id": "nobody's"}),
    Doubt("an unknown notice", receipt={"notice_id": "nobody's"}),
    Doubt("the payment is closed", "UPDATE payments SET status = 'closed'"),
    Doubt("the payment took another amount", "UPDATE payments SET status = 'mismatched'"),
    Doubt("the sale is cancelled", "UPDATE sales SET status = 'cancelled'"),
    Doubt("the order is over", "UPDATE orders SET status = 'timed_out'", {}, OrderStatus.TIMED_OUT),
    Doubt(
        "the trade is another payment's",
        "INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount)"
        " SELECT order_id, 'another', method, 'received', 'T' || payment_id, 1 FROM payments",
    ),
    Doubt(
        "some of it has gone back",
        "INSERT INTO payment_flows (order_id, payment_id, method, kind, reference, amount)"
        " SELECT order_id, payment_id, method, 'refunded', 'R', 1 FROM payments",
    ),
]


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda doubt: doubt.why)
async def test_money_in_doubt_changes_nothing_and_hinders_nobody(
    database: Database, doubt: Doubt
) -> None:
    item = await open_item(database)
    payment = await _begun(database, item)
    if doubt.sql:
        await damage(database, doubt.sql)
    before = await ledger_lines(database)
    answers = await _settle_all(database, _money(payment, **doubt.receipt))
    assert answers == [Settling(doubt.status, took_it=False)]
    assert await ledger_lines(database) == before
    if "sale" not in doubt.why:
        plain = await _begun(database, item, "bob")
        assert (await _settle_all(database, _money(plain), _money(payment, **doubt.receipt)))[
            0
        ] == PAID_NOW


async def test_money_that_is_on_its_way_back_settles_nothing(database: Database) -> None:
    payment = await _begun(database, await open_item(database))
    async with database.transaction() as connection:
        await Refunds(connection).request(a_refund(payment))
    assert await _settle_all(database, _money(payment)) == [NOT_PLAIN]


async def test_an_order_nobody_placed_is_unknown(database: Database) -> None:
    item = await open_item(database)
    payment = a_payment(an_order(item))
    assert await _settle_all(database, _money(payment)) == [Settling(None, took_it=False)]


async def test_its_own_ledger_row_may_stand(database: Database) -> None:
    item = await open_item(database)
    payment = await _begun(database, item)
    async with database.transaction() as connection:
        await PaymentFlows(connection).record(
            payment.order_id,
            payment.payment_id,
            payment.method,
            FlowKind.RECEIVED,
            f"T{payment.payment_id}",
            payment.amount,
        )
    assert await _settle_all(database, _money(payment)) == [PAID_NOW]
    assert len((await ledger_lines(database))["flows"]) == 1


async def test_one_trade_for_two_orders_pays_one_of_them(database: Database) -> None:
    item = await open_item(database)
    payments = [await _begun(database, item, buyer) for buyer in ("ada", "bob", "cyd")]
    money = [_money(payments[0], trade_no="T"), _money(payments[1], trade_no="T")]
    answers = await _settle_all(database, *money, _money(payments[2]))
    assert answers == [PAID_NOW, NOT_PLAIN, PAID_NOW]


async def test_closing_does_not_keep_money_out(database: Database) -> None:
    payment = await _begun(database, await open_item(database))
    await damage(database, "UPDATE orders SET closing_at = now()")
    assert await _settle_all(database, _money(payment)) == [PAID_NOW]


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_of_a_cancel_and_money_at_one_moment_the_first_wins(
    database: Database, *, cancel_first: bool
) -> None:
    item = await open_item(database)
    order = await place(database, item)
    payment = await begin(database, a_payment(order))
    if cancel_first:
        async with database.transaction() as connection:
            await Orders(connection).change_status(
                order.order_id, OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED
            )
            settling = asyncio.create_task(_settle_all(database, _money(payment)))
            await asyncio.sleep(0.2)
            assert not settling.done()
        assert await settling == [Settling(OrderStatus.CANCELLED, took_it=False)]
    else:
        await _settle_all(database, _money(payment))
        await _try_to_cancel(database, order)
        assert await figures(database, item) == (9, 0, 1)


async def _try_to_cancel(database: Database, order: Order) -> None:
    async with database.transaction() as connection:
        assert not await Orders(connection).change_status(
            order.order_id, OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED
        )


async def test_a_payment_that_is_just_being_closed_takes_no_money(database: Database) -> None:
    payment = await _begun(database, await open_item(database))
    async with database.transaction() as connection:
        await Payments(connection).change_status(
            payment.payment_id, PaymentStatus.CREATED, PaymentStatus.CLOSED
        )
        settling = asyncio.create_task(_settle_all(database, _money(payment)))
        await asyncio.sleep(0.2)
        assert not settling.done()
    assert await settling == [NOT_PLAIN]


async def test_a_hundred_settle_while_others_are_cancelled_and_the_stock_adds_up(
    database: Database,
) -> None:
    chance = random.Random(4)
    item = await open_item(database, stock=120, per_user_limit=4)
    orders = [await place(database, item, f"buyer {n}") for n in range(60)]
    payments = [await begin(database, a_payment(order)) for order in orders]
    given_up = chance.sample(orders, 30)

    async def give_up(order: Order) -> None:
        await asyncio.sleep(chance.random() / 20)
        async with database.transaction() as connection:
            await Orders(connection).change_status(
                order.order_id, OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED
            )

    settling = asyncio.create_task(_settle_all(database, *map(_money, payments)))
    await asyncio.gather(*map(give_up, given_up))
    answers = await settling
    async with database.transaction() as connection:
        statuses = [await Orders(connection).get(order.order_id) for order in orders]
    assert [answer.status for answer in answers] == [one.status for one in statuses if one]
    sold = sum(answer.took_it for answer in answers)
    assert await figures(database, item) == (60, 60 - sold, sold)
