"""How operators are reached in an installation."""

import json
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from domain.attention import AttentionKind
from domain.operator_message import OperatorMessage
from infra.operator_messages.protocol import OperatorNotTold
from infra.operator_messages.registry import open_operator_channel
from infra.settings import OperatorMessageSettings
from tests.support.message_receiver import SECRET, Receiver, receiving

STUCK = OperatorMessage(
    attention_id=7,
    number=1,
    kind=AttentionKind.STEP_STUCK,
    subject="order-1:settle_payment:5",
    order_id="0" * 26,
    step="settle_payment",
    tries=9,
    what="it fails again and again",
    advice="put right what the error names",
    raised_at=datetime(2030, 1, 1, tzinfo=UTC),
)


async def test_without_a_webhook_it_is_a_line_of_the_log() -> None:
    channel = open_operator_channel(OperatorMessageSettings())
    with capture_logs() as lines:
        await channel.tell(STUCK)
    await channel.aclose()

    assert [(line["event"], line["log_level"], line["attention_id"]) for line in lines] == [
        ("attention_open", "error", 7)
    ]


async def test_a_webhook_gets_it_signed_and_named() -> None:
    async with receiving(Receiver()) as receiver:
        settings = OperatorMessageSettings(webhook_url=receiver.url, webhook_secret=SECRET.decode())
        channel = open_operator_channel(settings)
        await channel.tell(STUCK)
        await channel.aclose()

    assert receiver.heads[0]["idempotency-key"] == "attention-7-1"
    assert json.loads(receiver.bodies[0]) == STUCK.model_dump(mode="json")


async def test_a_webhook_that_refuses_was_not_told() -> None:
    answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    async with receiving(Receiver(answer)) as receiver:
        settings = OperatorMessageSettings(webhook_url=receiver.url, webhook_secret=SECRET.decode())
        channel = open_operator_channel(settings)
        with pytest.raises(OperatorNotTold, match="HTTP 500"):
            await channel.tell(STUCK)
        await channel.aclose()


def test_a_webhook_without_a_secret_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="SECKILL_OPERATOR_MESSAGES_WEBHOOK_SECRET"):
        open_operator_channel(OperatorMessageSettings(webhook_url="http://127.0.0.1:9"))
