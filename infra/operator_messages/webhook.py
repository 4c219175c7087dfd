"""Attentions posted to where operators are woken, signed as messages to buyers are."""

from domain.operator_message import OperatorMessage
from infra.operator_messages.protocol import OperatorNotTold
from infra.signed_webhook import NotTaken, SignedWebhook


class WebhookChannel:
    def __init__(self, webhook: SignedWebhook) -> None:
        self._webhook = webhook

    async def tell(self, message: OperatorMessage) -> None:
        try:
            await self._webhook.post(message.message_id, message.model_dump_json().encode())
        except NotTaken as error:
            raise OperatorNotTold(f"webhook: {error}") from error

    async def aclose(self) -> None:
        await self._webhook.aclose()
