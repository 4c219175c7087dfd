"""Messages to buyers, signed on their way to a webhook."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.buyer_messages.protocol import MessageNotSent
from infra.buyer_messages.webhook import WebhookSender
from tests.support.message_receiver import PAID, SECRET, Receiver, receiving


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
