"""Telling a buyer that money went back."""

from temporalio import activity

from domain.buyer_message import BuyerMessage, MessageTopic
from domain.model import Value
from infra.buyer_messages.protocol import MessageSender
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.refunds import Refunds
from infra.postgres.stock import Stock


class TellBuyer(Value):
    order_id: str
    refund_id: str


class RefundMessageActivities:
    def __init__(self, database: Database, sender: MessageSender) -> None:
        self._database = database
        self._sender = sender

    @activity.defn
    async def tell_buyer(self, command: TellBuyer) -> None:
        """One message per refund, however often it is tried. Raises MessageNotSent."""
        # Sent outside the transaction: a slow receiver must not hold a connection of the pool.
        async with self._database.transaction() as connection:
            order = await Orders(connection).get(command.order_id)
            refunds = await Refunds(connection).of_order(command.order_id)
            item = await Stock(connection).item(order.item) if order else None
        for number, refund in enumerate(refunds, start=1):
            if order and refund.refund_id == command.refund_id:
                message = BuyerMessage(
                    order_id=order.order_id,
                    topic=MessageTopic.MONEY_BACK,
                    user_id=order.user_id,
                    sale_id=order.sale_id,
                    sku_id=order.sku_id,
                    title=item.title if item else order.sku_id,
                    quantity=order.quantity,
                    amount=refund.amount,
                    currency=refund.currency,
                    # Names the message: another refund of the order is another message.
                    number=number,
                )
                await self._sender.send(message)
