"""Sales, orders and payments as the tests of the ledger need them."""

import itertools
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text

from domain.delivery import DeliveryKind
from domain.ids import new_order_id
from domain.order import Order
from domain.payment import FlowKind, Payment, PaymentMethod, Receipt, payment_id_for
from domain.refund import Refund, RefundReason
from domain.sale import Item, NewItem, NewSale
from domain.states import OrderStatus, PaymentStatus, RefundStatus
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from infra.postgres.tables.deliveries import entitlements
from infra.postgres.tables.payments import payment_flows
from infra.postgres.tables.stock import stock_movements

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PRICE = 8800
POINTS_PRICE = 500
_clock = itertools.count(1_900_000_000_000)


def a_new_sale(*items: NewItem, name: str = "Noon sale") -> NewSale:
    return NewSale(name=name, starts_at=NOON, ends_at=NOON + timedelta(hours=1), items=items)


def a_new_item(sku_id: str = "mug", *, stock: int = 10, per_user_limit: int = 4) -> NewItem:
    return NewItem(
        sku_id=sku_id,
        title="A mug",
        list_price=12_800,
        price=PRICE,
        points_price=POINTS_PRICE,
        stock=stock,
        per_user_limit=per_user_limit,
    )


async def open_item(
    database: Database, *, sale_id: str = "noon", stock: int = 10, per_user_limit: int = 4
) -> Item:
    async with database.transaction() as connection:
        item = a_new_item(stock=stock, per_user_limit=per_user_limit)
        return (await Sales(connection).create(sale_id, a_new_sale(item))).items[0]


def an_order(
    item: Item,
    user_id: str = "ada",
    *,
    quantity: int = 1,
    status: OrderStatus = OrderStatus.PENDING_PAYMENT,
) -> Order:
    return Order(
        order_id=new_order_id(item.item_number, next(_clock)),
        sale_id=item.sale_id,
        sku_id=item.sku_id,
        user_id=user_id,
        quantity=quantity,
        amount=item.price * quantity,
        currency=item.currency,
        status=status,
        reason=None,
        created_at=NOON,
        pay_deadline=NOON + timedelta(minutes=30),
    )


def a_payment(
    order: Order, method: PaymentMethod = PaymentMethod.ALIPAY, amount: int | None = None
) -> Payment:
    return Payment(
        payment_id=payment_id_for(order.order_id, method),
        order_id=order.order_id,
        method=method,
        status=PaymentStatus.CREATED,
        amount=order.amount if amount is None else amount,
        currency=order.currency,
        expires_at=NOON + timedelta(minutes=30),
        created_at=NOON,
    )


def a_refund(payment: Payment, *, refund_id: str = "", amount: int | None = None) -> Refund:
    return Refund(
        refund_id=refund_id or f"{payment.payment_id}R",
        order_id=payment.order_id,
        payment_id=payment.payment_id,
        method=payment.method,
        trade_no=f"T{payment.payment_id}",
        amount=payment.amount if amount is None else amount,
        currency=payment.currency,
        reason=RefundReason.ORDER,
        note="changed my mind",
        status=RefundStatus.REQUESTED,
        requested_by="ada",
        requested_at=NOON,
    )


async def place(
    database: Database, item: Item, user_id: str = "ada", *, quantity: int = 1
) -> Order:
    """There must be that many left."""
    intent = an_order(item, user_id, quantity=quantity).intent
    async with database.driver() as driver, driver.transaction():
        placing = await HotPath(driver).place(intent, NOON)
        assert placing is not None
        assert placing.title is not None
    return placing.order


async def begin(database: Database, payment: Payment) -> Payment:
    async with database.driver() as driver:
        return await HotPath(driver).begin_payment(payment, "buyer:ada")


async def settle(database: Database, payment: Payment) -> bool:
    receipt = Receipt(
        method=payment.method,
        payment_id=payment.payment_id,
        trade_no=f"T{payment.payment_id}",
        amount=payment.amount,
        paid_at=NOON,
    )
    async with database.driver() as driver:
        return await HotPath(driver).settle(payment.order_id, receipt)


async def pay(
    database: Database,
    order: Order,
    method: PaymentMethod = PaymentMethod.ALIPAY,
    amount: int | None = None,
) -> Payment:
    payment = await begin(database, a_payment(order, method, amount))
    assert await settle(database, payment)
    return payment


async def award(database: Database, order: Order, points: int) -> None:
    """What a paid order's buyer is owed in points; again it gives nothing more."""
    await deliver(database, order, DeliveryKind.POINTS, points=points)


async def deliver(database: Database, order: Order, kind: DeliveryKind, *, points: int = 0) -> None:
    async with database.driver() as driver:
        await HotPath(driver).deliver(order.order_id, {kind: "done"}, points, fulfil=False)


async def cancel(database: Database, order: Order) -> None:
    async with database.transaction() as connection:
        await Orders(connection).change_status(
            order.order_id, OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED
        )
        await Stock(connection).release(order)


async def give_back(database: Database, order: Order, payment: Payment) -> None:
    async with database.transaction() as connection:
        orders = Orders(connection)
        await orders.change_status(order.order_id, OrderStatus.PAID, OrderStatus.REFUNDING)
        await orders.change_status(order.order_id, OrderStatus.REFUNDING, OrderStatus.REFUNDED)
        await PaymentFlows(connection).record(
            order.order_id,
            payment.payment_id,
            payment.method,
            FlowKind.REFUNDED,
            f"{payment.payment_id}R",
            payment.amount,
        )
        await Stock(connection).restock(order)


async def figures(database: Database, item: Item) -> tuple[int, int, int]:
    """(available, held, sold)."""
    async with database.transaction() as connection:
        now = await Stock(connection).item(item.ref)
    assert now is not None
    return now.available, now.held, now.sold


async def money_of(database: Database, order_id: str) -> tuple[int, int]:
    """(received, refunded) of the order, over all its payments."""
    query = (
        select(payment_flows.c.kind, func.sum(payment_flows.c.amount))
        .where(payment_flows.c.order_id == order_id)
        .group_by(payment_flows.c.kind)
    )
    async with database.transaction() as connection:
        sums = {kind: int(amount) for kind, amount in await connection.execute(query)}
    return sums.get(FlowKind.RECEIVED, 0), sums.get(FlowKind.REFUNDED, 0)


async def movements(database: Database) -> list[tuple[str, int]]:
    """(kind, quantity) of every move of stock, in their order."""
    columns = stock_movements.c.kind, stock_movements.c.quantity
    query = select(*columns).order_by(stock_movements.c.movement_id)
    async with database.transaction() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def is_entitled(database: Database, order_id: str) -> bool:
    """Whether the order gives its buyer a right now."""
    right = entitlements.c.order_id == order_id, entitlements.c.revoked_at.is_(None)
    async with database.transaction() as connection:
        return (await connection.execute(select(entitlements).where(*right))).first() is not None


async def damage(database: Database, statement: str, **values: object) -> None:
    """Raw SQL, as a mistake or a meddling hand would do it."""
    async with database.transaction() as connection:
        assert (await connection.execute(text(statement), values)).rowcount != 0
