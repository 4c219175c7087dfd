"""Attention: a step that needs a person, and what that person should do."""

from datetime import datetime
from enum import StrEnum

from domain.model import Value


class AttentionKind(StrEnum):
    STOCK_DRIFT = "stock_drift"
    DEAD_INTENT = "dead_intent"
    LOST_ORDER = "lost_order"
    UNMATCHED_NOTICE = "unmatched_notice"
    SURPLUS_MONEY = "surplus_money"
    DELIVERY_FAILED = "delivery_failed"
    REFUND_FAILED = "refund_failed"
    BILL_MISMATCH = "bill_mismatch"
    STEP_STUCK = "step_stuck"
    DRAW_VOID = "draw_void"
    ROOM_DRIFT = "room_drift"
    STORE_LOST = "store_lost"
    AUDIT_FAILED = "audit_failed"
    INTENTS_WAIT = "intents_wait"
    NOT_HEALED = "not_healed"


class Attention(Value):
    """`subject` is what it is about (an order, notice or refund id): one open row per kind and
    subject. `resolution`: what was done about it, or why nothing."""

    attention_id: int
    kind: AttentionKind
    # What is found again every ten seconds must not become a row every ten seconds.
    subject: str
    order_id: str | None
    what: str
    advice: str
    raised_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str = ""
    # The step that waits, as its workflow calls it, and how often it was tried.
    step: str | None = None
    tries: int = 0
