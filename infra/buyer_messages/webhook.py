"""Messages posted to a system of the shop's owner, signed as `infra/signed_webhook.py` says."""

import structlog

from domain.buyer_message import Message
from infra.buyer_messages.protocol import MessageNotSent
from infra.signed_webhook import NotTaken, SignedWebhook

log = structlog.get_logger()


class WebhookSender:
    def __init__(self, url: str, secret: bytes, timeout_seconds: float) -> None:
        self._webhook = SignedWebhook(url, secret, timeout_seconds)

    async def send(self, message: Message) -> str:
        try:
            await self._webhook.post(message.message_id, message.model_dump_json().encode())
        except NotTaken as error:
            name, topic = message.message_id, message.topic
            log.warning("message_not_sent", message_id=name, topic=topic, what=str(error))
            raise MessageNotSent(f"webhook: {error}") from error
        return "taken by the webhook"

    async def aclose(self) -> None:
        await self._webhook.aclose()
