"""A way to reach buyers that can be made to fail."""

from collections import Counter

from domain.buyer_message import BuyerMessage, Message
from infra.buyer_messages.protocol import MessageNotSent


class SenderDouble:
    """`fails` says how often an order's messages fail, or a buyer's of a room; `sent` holds the
    ids of messages that arrived: a receiver takes each once."""

    def __init__(self) -> None:
        self.fails: Counter[str] = Counter()
        self.tries: Counter[str] = Counter()
        self.sent: set[str] = set()

    async def send(self, message: Message) -> str:
        about = message.order_id if isinstance(message, BuyerMessage) else message.user_id
        self.tries[about] += 1
        if self.fails[about]:
            self.fails[about] -= 1
            raise MessageNotSent("practice: nobody is there")
        self.sent.add(message.message_id)
        return "told"

    async def aclose(self) -> None:
        return
