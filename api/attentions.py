"""What an operator does about an attention: retry what can be retried, or close it."""

import structlog
from redis.asyncio import Redis

from domain.attention import Attention, AttentionKind
from domain.errors import ErrorCode, Refusal
from domain.notice import LEFT_TO_A_PERSON
from domain.sale import ItemRef
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.postgres.notices import Notices
from infra.redis.intent_entries import DeadIntent
from infra.redis.intents import Intents
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

# What else can be done about each stands in `api/attention_actions.py`.
# A workflow waits for the decision itself: closing the attention alone would leave it waiting.
DECIDED_ELSEWHERE = {
    AttentionKind.DELIVERY_FAILED: "retry or skip the delivery",
    AttentionKind.REFUND_FAILED: "retry the refund, or say that it was given back by hand",
}


class AttentionDecisions:
    """Raises Refusal: NOT_FOUND, or INVALID_STATE for what is closed or decided elsewhere."""

    def __init__(self, database: Database, redis: Redis, gate: StockGate) -> None:
        self._database = database
        self._intents = Intents(redis)
        self._gate = gate

    async def resolve(self, attention_id: int, actor: str, reason: str) -> Attention:
        """Close what a person has seen to."""
        async with self._database.transaction() as connection:
            attentions = Attentions(connection)
            found = _still_open(await attentions.lock(attention_id))
            if found.kind in DECIDED_ELSEWHERE:
                raise Refusal(ErrorCode.INVALID_STATE, f"please {DECIDED_ELSEWHERE[found.kind]}")
            await attentions.resolve(found.kind, found.subject, actor, reason)
            if found.kind is AttentionKind.UNMATCHED_NOTICE:
                # Else the next round would tell it once more, and find it again.
                await Notices(connection).mark_handled(found.subject, LEFT_TO_A_PERSON)
            if found.kind is AttentionKind.DEAD_INTENT and (dead := await self._dead(found)):
                # Else the next repair would put it back, and call for the same person again.
                await self._intents.forget(dead)
            resolved = await attentions.lock(attention_id)
        log.info("attention_resolved", attention_id=attention_id, actor=actor)
        return resolved or found

    async def revive(self, attention_id: int, actor: str, reason: str) -> Attention:
        """Let a dead intent wait for its workflow again, and close its attention."""
        # In one transaction, so that an intent that dies again at once finds the attention closed
        # and raises a new one, and a Redis that is away leaves it open.
        async with self._database.transaction() as connection:
            attentions = Attentions(connection)
            found = _still_open(await attentions.lock(attention_id))
            if found.kind is not AttentionKind.DEAD_INTENT:
                raise Refusal(ErrorCode.INVALID_STATE, f"{found.kind} cannot be retried")
            await attentions.resolve(found.kind, found.subject, actor, reason)
            dead = await self._dead(found)
            if dead is None:
                detail = "the intent is not among the dead ones any more"
                raise Refusal(ErrorCode.INVALID_STATE, detail)
            await self._intents.revive(dead)
            resolved = await attentions.lock(attention_id)
        log.info("intent_revived", subject=found.subject, order_id=found.order_id, actor=actor)
        return resolved or found

    async def _dead(self, attention: Attention) -> DeadIntent | None:
        if attention.order_id is not None:
            item = await self._gate.item_of(attention.order_id)
        else:
            # An intent too broken to name its order is known by where it lay.
            sale_id, _, rest = attention.subject.partition(":")
            item = ItemRef(sale_id=sale_id, sku_id=rest.partition(":")[0])
        if item is not None:
            async for dead in self._intents.dead(item):
                if dead.subject == attention.subject:
                    return dead
        return None


def _still_open(attention: Attention | None) -> Attention:
    if attention is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such attention")
    if attention.resolved_at is not None:
        raise Refusal(ErrorCode.INVALID_STATE, f"resolved already by {attention.resolved_by}")
    return attention
