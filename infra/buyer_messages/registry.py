"""Which way messages go in this installation."""

from infra.buyer_messages.outbox import OutboxSender
from infra.buyer_messages.protocol import MessageSender
from infra.buyer_messages.webhook import WebhookSender
from infra.postgres.engine import Database
from infra.settings import MessageSettings


def open_message_sender(settings: MessageSettings, database: Database) -> MessageSender:
    """The webhook if one is set, else our own outbox.

    Raises ValueError for a webhook without a secret: nobody could trust its messages; OSError for
    a secret's file that cannot be read.
    """
    if not settings.webhook_url:
        return OutboxSender(database)
    secret = settings.read_webhook_secret()
    if not secret:
        raise ValueError("SECKILL_MESSAGES_WEBHOOK_URL needs SECKILL_MESSAGES_WEBHOOK_SECRET")
    return WebhookSender(settings.webhook_url, secret, settings.timeout_seconds)
