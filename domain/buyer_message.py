"""Messages to buyers: what they are told, each thing once."""

from enum import StrEnum

from domain.model import Value


class MessageTopic(StrEnum):
    ORDER_PAID = "order_paid"
    MONEY_BACK = "money_back"


class BuyerMessage(Value):
    """One per order, topic and `number`, and the same on every try. `amount` in minor units;
    `number` counts what may happen to an order more than once."""

    order_id: str
    topic: MessageTopic
    user_id: str
    sale_id: str
    sku_id: str
    title: str
    quantity: int
    amount: int
    currency: str
    number: int = 0

    @property
    def occasion(self) -> str:
        return f"{self.topic}-{self.number}" if self.number else self.topic

    @property
    def message_id(self) -> str:
        # Sending is at least once: receivers tell a repeat by this name.
        return f"{self.order_id}-{self.occasion}"
