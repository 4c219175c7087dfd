"""What the audit's queries find: each value is one row that breaks a rule, or one to compare."""

from domain.model import Value
from domain.sale import ItemRef
from domain.states import OrderStatus


class StockOrder(Value):
    """An order as the stock sees it."""

    order_id: str
    user_id: str
    quantity: int
    status: OrderStatus


class UnbalancedItem(Value):
    """An item's own figures beside the sums over its orders and over its movements."""

    sale_id: str
    sku_id: str
    total: int
    available: int
    held: int
    sold: int
    held_by_orders: int
    sold_by_orders: int
    total_moved: int
    held_moved: int
    sold_moved: int

    @property
    def ref(self) -> ItemRef:
        return ItemRef(sale_id=self.sale_id, sku_id=self.sku_id)


class StrayMovement(Value):
    """An order whose movements leave it with other units than its status says; `status` is None
    for movements of an order, or of an item, that the order's row does not know."""

    order_id: str
    status: OrderStatus | None
    quantity: int
    held_moved: int
    sold_moved: int


class UserAboveLimit(Value):
    sale_id: str
    sku_id: str
    user_id: str
    quantity: int
    per_user_limit: int
    orders: tuple[str, ...]


class MoneyBreak(Value):
    """`refunding` is on its way back already. `status` is None for money of no order."""

    order_id: str
    status: OrderStatus | None
    amount: int
    received: int
    refunded: int
    refunding: int


class PaymentMoney(Value):
    """A payment's flows, to be laid beside the provider's own book."""

    payment_id: str
    order_id: str
    method: str
    received: int
    refunded: int


class AccountBreak(Value):
    user_id: str
    balance: int
    entries: int


class PointsBreak(Value):
    """Points an order took and gave back, beside its net payment flow of points."""

    order_id: str
    debited: int
    credited: int
    flowed: int
