"""The outbox: messages to buyers, each once, for another system to read."""

from domain.buyer_message import BuyerMessage, Message, RoomMessage
from infra.postgres.engine import Driver

_KEEP = """
INSERT INTO messages (order_id, ticket, topic, user_id, body) VALUES ($1, $2, $3, $4, $5::jsonb)
ON CONFLICT DO NOTHING
RETURNING message_number
"""


class BuyerMessages:
    """Speaks to the driver itself: each order that is paid passes here."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def keep(self, message: Message) -> bool:
        """False if the message on this occasion is there already; it stays as it is."""
        order_id = message.order_id if isinstance(message, BuyerMessage) else None
        ticket = message.ticket if isinstance(message, RoomMessage) else None
        kept = await self._driver.fetchval(
            _KEEP,
            order_id,
            ticket,
            message.occasion,
            message.user_id,
            message.model_dump_json(),
        )
        return kept is not None
