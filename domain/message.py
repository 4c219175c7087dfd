"""Messages to buyers: what they are told, each thing once."""

from enum import StrEnum

from domain.model import Value


class MessageTopic(StrEnum):
    ORDER_PAID = "order_paid"


class Message(Value):
    """One per order and topic, and the same on every try. `amount` in minor units."""

    order_id: str
    topic: MessageTopic
    user_id: str
    sale_id: str
    sku_id: str
    title: str
    quantity: int
    amount: int
    currency: str

    @property
    def message_id(self) -> str:
        return f"{self.order_id}-{self.topic}"
