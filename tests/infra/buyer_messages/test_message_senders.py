"""Messages to buyers: each once in the outbox, or signed on its way to a webhook."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.buyer_message import BuyerMessage, MessageTopic
from infra.buyer_messages.outbox import OutboxSender
from infra.buyer_messages.protocol import MessageNotSent
from infra.buyer_messages.registry import open_message_sender
from infra.buyer_messages.webhook import WebhookSender
from infra.postgres.engine import Database
from infra.settings import MessageSettings

SECRET = b"only the two of us know"
PAID = BuyerMessage(
    order_id="0" * 26,
    topic=MessageTopic.ORDER_PAID,
    user_id="ada",
    sale_id="noon",
    sku_id="mug",
    title="一只杯子",
    quantity=2,
    amount=17600,
    currency="CNY",
)


@dataclass
class Receiver:
    """A system of the shop's owner, at the other end of a socket."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    url: str = ""
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        head = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(int(head["content-length"])))
        writer.write(self.answer)
        await writer.drain()
        if self.answer:
            writer.close()


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/messages"
    yield receiver
    server.close()


@asynccontextmanager
async def sender_to(receiver: Receiver, timeout_seconds: float = 3) -> AsyncIterator[WebhookSender]:
    sender = WebhookSender(receiver.url, SECRET, timeout_seconds)
    yield sender
    await sender.aclose()


async def test_a_webhook_can_prove_that_the_message_is_ours() -> None:
    async with receiving(Receiver()) as receiver, sender_to(receiver) as sender:
        assert await sender.send(PAID) == "taken by the webhook"

    head, body = receiver.heads[0], receiver.bodies[0]
    signed = head["seckill-timestamp"].encode() + b"." + body
    wanted = "v1=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert head["seckill-signature"] == wanted
    assert head["content-type"] == "application/json"
    assert json.loads(body) == PAID.model_dump(mode="json")


async def test_a_repeat_carries_the_same_key_and_body() -> None:
    async with receiving(Receiver()) as receiver, sender_to(receiver) as sender:
        await sender.send(PAID)
        await sender.send(PAID)

    assert {head["idempotency-key"] for head in receiver.heads} == {f"{PAID.order_id}-order_paid"}
    assert len(set(receiver.bodies)) == 1 < len(receiver.bodies)


@pytest.mark.parametrize("status", ["500 Oops", "404 Not Found", "302 Found\r\nLocation: /b"])
async def test_whatever_is_not_a_success_was_not_sent(status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    async with receiving(Receiver(answer)) as receiver, sender_to(receiver) as sender:
        with pytest.raises(MessageNotSent, match=f"HTTP {status[:3]}"):
            await sender.send(PAID)


async def test_a_webhook_that_never_answers_does_not_hold_us() -> None:
    async with receiving(Receiver(answer=b"")) as receiver, sender_to(receiver, 0.1) as sender:
        with pytest.raises(MessageNotSent, match="Timeout"):
            await sender.send(PAID)


async def test_a_webhook_nobody_serves_was_not_told() -> None:
    async with receiving(Receiver()) as receiver:
        pass
    async with sender_to(receiver) as sender:
        with pytest.raises(MessageNotSent, match="ConnectError"):
            await sender.send(PAID)


async def test_the_outbox_holds_each_message_once(database: Database) -> None:
    sender = OutboxSender(database)
    await asyncio.gather(*(sender.send(PAID) for _ in range(4)))
    await sender.send(PAID.model_copy(update={"title": "another"}))

    async with database.driver() as driver:
        [kept] = await driver.fetch("SELECT order_id, user_id, body FROM messages")
    assert (kept["order_id"], kept["user_id"]) == (PAID.order_id, PAID.user_id)
    assert BuyerMessage.model_validate(kept["body"]) == PAID


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
