"""How operators are reached in this installation."""

from infra.operator_messages.log import LogChannel
from infra.operator_messages.protocol import OperatorChannel
from infra.operator_messages.webhook import WebhookChannel
from infra.settings import OperatorMessageSettings
from infra.signed_webhook import SignedWebhook


def open_operator_channel(settings: OperatorMessageSettings) -> OperatorChannel:
    """The webhook if one is set, else the log.

    Raises ValueError for a webhook without a secret: anybody could wake people; OSError for a
    secret's file that cannot be read.
    """
    if not settings.webhook_url:
        return LogChannel()
    secret = settings.read_webhook_secret()
    if not secret:
        raise ValueError(
            "SECKILL_OPERATOR_MESSAGES_WEBHOOK_URL needs SECKILL_OPERATOR_MESSAGES_WEBHOOK_SECRET"
        )
    return WebhookChannel(SignedWebhook(settings.webhook_url, secret, settings.timeout_seconds))
