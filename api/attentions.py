"""What an operator does about an attention: retry what can be retried, or close the case."""

import structlog
from redis.asyncio import Redis

from domain.attention import Attention, AttentionKind
from domain.errors import ErrorCode, Refusal
from domain.sale import ItemRef
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database
from infra.redis.intent_entries import DeadIntent, IntentEntry
from infra.redis.intents import Intents
from infra.redis.stock_gate import StockGate

log = structlog.get_logger()

# A workflow waits for the decision itself: closing the case alone would leave it waiting.
DECIDED_ELSEWHERE = {
    AttentionKind.DELIVERY_FAILED: "retry or skip the delivery",
    AttentionKind.REFUND_FAILED: "retry the refund, or say that it was given back by hand",
}


class AttentionDesk:
    """Raises Refusal: NOT_FOUND, or INVALID_STATE for what is closed or decided elsewhere."""

    def __init__(self, database: Database, redis: Redis, gate: StockGate) -> None:
        self._database = database
        self._intents = Intents(redis)
        self._gate = gate

    async def resolve(self, attention_id: int, actor: str, reason: str) -> Attention:
        """Close a case that a person has seen to."""
        async with self._database.transaction() as connection:
            attentions = Attentions(connection)
            case = _still_open(await attentions.lock(attention_id))
            if case.kind in DECIDED_ELSEWHERE:
                raise Refusal(ErrorCode.INVALID_STATE, f"please {DECIDED_ELSEWHERE[case.kind]}")
            await attentions.resolve(case.kind, case.subject, actor, reason)
            resolved = await attentions.lock(attention_id)
        log.info("attention_resolved", attention_id=attention_id, actor=actor)
        return resolved or case

    async def revive(self, attention_id: int, actor: str, reason: str) -> Attention:
        """Let a dead intent wait for its workflow again, and close its case."""
        # In one transaction, so that an intent that dies again at once finds the case closed and
        # raises a new one, and a Redis that is away leaves it open.
        async with self._database.transaction() as connection:
            attentions = Attentions(connection)
            case = _still_open(await attentions.lock(attention_id))
            if case.kind is not AttentionKind.DEAD_INTENT:
                raise Refusal(ErrorCode.INVALID_STATE, f"{case.kind} cannot be retried")
            await attentions.resolve(case.kind, case.subject, actor, reason)
            await self._intents.revive(await self._dead_intent(case))
            resolved = await attentions.lock(attention_id)
        log.info("intent_revived", subject=case.subject, order_id=case.order_id, actor=actor)
        return resolved or case

    async def _dead_intent(self, case: Attention) -> DeadIntent:
        item = await self._item_of(case)
        if item is not None:
            async for dead in self._intents.dead(item):
                lay = IntentEntry(item=item, entry_id=dead.entry_id, fields=dead.fields)
                if lay.subject == case.subject:
                    return dead
        raise Refusal(ErrorCode.INVALID_STATE, "the intent is not among the dead ones any more")

    async def _item_of(self, case: Attention) -> ItemRef | None:
        if case.order_id is not None:
            return await self._gate.item_of(case.order_id)
        sale_id, _, rest = case.subject.partition(":")
        return ItemRef(sale_id=sale_id, sku_id=rest.partition(":")[0])


def _still_open(case: Attention | None) -> Attention:
    if case is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such attention")
    if case.resolved_at is not None:
        raise Refusal(ErrorCode.INVALID_STATE, f"resolved already by {case.resolved_by}")
    return case
