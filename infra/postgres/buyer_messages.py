"""The outbox: messages to buyers, each once, for another system to read."""

from domain.buyer_message import BuyerMessage
from infra.postgres.engine import Driver

_KEEP = """
INSERT INTO messages (order_id, topic, user_id, body) VALUES ($1, $2, $3, $4::jsonb)
ON CONFLICT DO NOTHING
RETURNING message_number
"""


class BuyerMessages:
    """Speaks to the driver itself: each order that is paid passes here."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def keep(self, message: BuyerMessage) -> bool:
        """False if the order's message on this occasion is there already; it stays as it is."""
        body = message.model_dump_json()
        kept = await self._driver.fetchval(
            _KEEP, message.order_id, message.occasion, message.user_id, body
        )
        return kept is not None
