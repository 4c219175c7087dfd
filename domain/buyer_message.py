"""Messages to buyers: what they are told, each thing once."""

from enum import StrEnum

from domain.model import Value


class MessageTopic(StrEnum):
    ORDER_PAID = "order_paid"
    MONEY_BACK = "money_back"
    CALLED = "called"
    ROOM_OVER = "room_over"


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


class RoomMessage(Value):
    """One per ticket, topic and `number`, and the same on every try. `ticket`: its leaf, in hex.
    `number`: where its owner stood when he was called, which a second call changes."""

    ticket: str
    topic: MessageTopic
    user_id: str
    sale_id: str
    sku_id: str
    title: str
    quantity: int
    number: int | None = None

    @property
    def occasion(self) -> str:
        return self.topic if self.number is None else f"{self.topic}-{self.number}"

    @property
    def message_id(self) -> str:
        # Not the user's id: that may be of letters that no header takes.
        return f"{self.ticket}-{self.occasion}"


Message = BuyerMessage | RoomMessage
