"""Which way messages go in this installation."""

import hashlib
import hmac
from pathlib import Path

import pytest

from infra.buyer_messages.outbox import OutboxSender
from infra.buyer_messages.registry import open_message_sender
from infra.postgres.engine import Database
from infra.settings import MessageSettings
from tests.support.message_receiver import PAID, SECRET, Receiver, receiving


async def test_messages_stay_in_the_outbox_unless_a_webhook_is_set(database: Database) -> None:
    sender = open_message_sender(MessageSettings(), database)
    assert isinstance(sender, OutboxSender)
    await sender.aclose()


async def test_the_webhook_signs_with_the_secret_of_its_file(
    database: Database, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    async with receiving(Receiver()) as receiver:
        settings = MessageSettings(webhook_url=receiver.url, webhook_secret_file=secret)
        sender = open_message_sender(settings, database)
        await sender.send(PAID)
        await sender.aclose()

    signed = receiver.heads[0]["seckill-timestamp"].encode() + b"." + receiver.bodies[0]
    wanted = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert receiver.heads[0]["seckill-signature"] == f"v1={wanted}"


async def test_a_webhook_without_a_secret_is_refused_at_the_start(database: Database) -> None:
    with pytest.raises(ValueError, match="SECRET"):
        open_message_sender(MessageSettings(webhook_url="http://127.0.0.1:9"), database)
