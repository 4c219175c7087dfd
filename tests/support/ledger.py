"""Sales, orders and payments, written into a ledger as its tests need them."""

from sqlalchemy import func, select, text

from domain.delivery import DeliveryKind
from domain.order import Order
from domain.payment import FlowKind, Payment, PaymentMethod
from domain.sale import Item
from domain.states import OrderStatus
from infra.postgres.engine import Database
from infra.postgres.hot_path import HotPath
from infra.postgres.orders import Orders
from infra.postgres.payments import PaymentFlows
from infra.postgres.sales import Sales
from infra.postgres.stock import Stock
from infra.postgres.tables.deliveries import entitlements
from infra.postgres.tables.payments import payment_flows
from infra.postgres.tables.stock import stock_movements
from tests.support.values import NOON, a_new_item, a_new_sale, a_payment, a_receipt, an_order
from tests.support.version_watch import WATCH_OFF


async def open_item(
    database: Database, *, sale_id: str = "noon", stock: int = 10, per_user_limit: int = 4
) -> Item:
    async with database.transaction() as connection:
        item = a_new_item(stock=stock, per_user_limit=per_user_limit)
        return (await Sales(connection).create(sale_id, a_new_sale(item))).items[0]


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
    async with database.driver() as driver:
        return await HotPath(driver).settle(payment.order_id, a_receipt(payment))


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
        path = HotPath(driver)
        owed = await path.owed(order.order_id, [])
        money = owed.money if owed else ()
        await path.deliver(order.order_id, {kind: "done"}, points, money=money, fulfil=False)


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
        await connection.execute(text(WATCH_OFF))
        assert (await connection.execute(text(statement), values)).rowcount != 0


async def fulfil(database: Database, order_id: str) -> None:
    """All that a paid order owes is delivered."""
    async with database.driver() as driver:
        path, done = HotPath(driver), dict.fromkeys(DeliveryKind, "done")
        owed = await path.owed(order_id, [])
        assert owed is not None
        assert await path.deliver(order_id, done, 0, money=owed.money, fulfil=True)
