"""Messages to buyers kept in our own outbox: each once."""

import asyncio

from domain.buyer_message import BuyerMessage
from infra.buyer_messages.outbox import OutboxSender
from infra.postgres.engine import Database
from tests.support.message_receiver import PAID


async def test_the_outbox_holds_each_message_once(database: Database) -> None:
    sender = OutboxSender(database)
    await asyncio.gather(*(sender.send(PAID) for _ in range(4)))
    await sender.send(PAID.model_copy(update={"title": "another"}))

    async with database.driver() as driver:
        [kept] = await driver.fetch("SELECT order_id, user_id, body FROM messages")
    assert (kept["order_id"], kept["user_id"]) == (PAID.order_id, PAID.user_id)
    assert BuyerMessage.model_validate(kept["body"]) == PAID
