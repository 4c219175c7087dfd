"""A way to reach buyers that can be made to fail."""

from collections import Counter

from domain.buyer_message import BuyerMessage
from infra.buyer_messages.protocol import MessageNotSent


class SenderDouble:
    """`fails` says how often an order's messages fail; `sent` holds the ids of
    messages that arrived: a receiver takes each once."""

    def __init__(self) -> None:
        self.fails: Counter[str] = Counter()
        self.tries: Counter[str] = Counter()
        self.sent: set[str] = set()

    async def send(self, message: BuyerMessage) -> str:
        order_id = message.order_id
        self.tries[order_id] += 1
        if self.fails[order_id]:
            self.fails[order_id] -= 1
            raise MessageNotSent("practice: nobody is there")
        self.sent.add(message.message_id)
        return "told"

    async def aclose(self) -> None:
        return
