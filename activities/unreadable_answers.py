"""An answer that is a provider's own and makes no sense calls a person, at once.

It will make no more sense at the next try, and the order it is about would wait in silence: the
buyer's money may be there.
"""

import contextlib
from collections.abc import AsyncIterator

import structlog

from domain.actors import SYSTEM
from domain.attention import AttentionKind
from domain.gateway_errors import UnreadableAnswer
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database

log = structlog.get_logger()

ADVICE = (
    "Look the number up in the provider's console: was it paid, or given back? It is asked about"
    " again by itself, and this closes when the answer can be read."
)


@contextlib.asynccontextmanager
async def calling_a_person(database: Database, order_id: str, number: str) -> AsyncIterator[None]:
    """Around a provider's call about the payment or refund `number`."""
    subject = f"answer:{number}"
    try:
        yield
    except UnreadableAnswer as error:
        async with database.transaction() as connection:
            raised = await Attentions(connection).raise_(
                AttentionKind.STEP_STUCK,
                subject,
                order_id=order_id,
                what=f"nobody can read what the provider says of {number}: {error}",
                advice=ADVICE,
            )
        if raised:
            log.error("answer_unreadable", order_id=order_id, number=number)
        raise
    async with database.transaction() as connection:
        await Attentions(connection).resolve(
            AttentionKind.STEP_STUCK, subject, SYSTEM, "the answer can be read"
        )
