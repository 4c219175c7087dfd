"""What is posted can be trusted by who shares the secret, and is taken or not."""

import hashlib
import hmac

import pytest

from infra.signed_webhook import NotTaken, SignedWebhook, sign
from tests.support.message_receiver import SECRET, Receiver, receiving


async def test_it_is_posted_under_its_key_and_with_a_signature() -> None:
    async with receiving(Receiver()) as receiver:
        webhook = SignedWebhook(receiver.url, SECRET, 3)
        await webhook.post("attention-7-1", b'{"a":1}')
        await webhook.aclose()

    head = receiver.heads[0]
    assert head["idempotency-key"] == "attention-7-1"
    wanted = sign(SECRET, head["seckill-timestamp"], b'{"a":1}')
    assert head["seckill-signature"] == f"v1={wanted}"
    signed = head["seckill-timestamp"].encode() + b'.{"a":1}'
    assert wanted == hmac.new(SECRET, signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("url", ["http://[", "ftp://127.0.0.1/x", "http://127.0.0.1:1/x"])
async def test_an_address_that_leads_nowhere_takes_nothing(url: str) -> None:
    webhook = SignedWebhook(url, SECRET, 3)

    with pytest.raises(NotTaken):
        await webhook.post("key", b"{}")
    await webhook.aclose()
