"""Messages kept in our own outbox: for installations where another system reads them."""

import structlog

from domain.buyer_message import Message
from infra.postgres.buyer_messages import BuyerMessages
from infra.postgres.engine import Database

log = structlog.get_logger()


class OutboxSender:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, message: Message) -> str:
        """Raises what the database raises while it is away."""
        async with self._database.driver() as driver:
            fresh = await BuyerMessages(driver).keep(message)
        log.info("message_kept", message_id=message.message_id, topic=message.topic, fresh=fresh)
        return "kept in the outbox"

    async def aclose(self) -> None:
        """The database is closed by whoever opened it."""
