"""What an operator tells a sale to do."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.errors import ErrorCode, Refusal
from domain.model import Value
from domain.sale import Sale
from domain.states import SALE_TRANSITIONS, SaleStatus


class CommandKind(StrEnum):
    PUBLISH = "publish"
    PAUSE = "pause"
    RESUME = "resume"
    CHANGE = "change"
    RESTOCK = "restock"
    CLOSE = "close"
    CANCEL = "cancel"


class SaleCommand(Value):
    """`key`: the same again, of the same operator for the same sale, is the same command; None for
    one that is new each time. `digest`: of all that was said with it."""

    kind: CommandKind
    actor: str
    reason: str = ""
    key: str | None = None
    digest: str = ""


# What stops the gate before anything is written down, and what a sale is then.
STOPS: Mapping[CommandKind, SaleStatus] = {
    CommandKind.PAUSE: SaleStatus.PAUSED,
    CommandKind.CLOSE: SaleStatus.CLOSED,
    CommandKind.CANCEL: SaleStatus.CANCELLED,
}


def digest_of(kind: CommandKind, said: Mapping[str, Any]) -> str:
    """`said`: as JSON, without what was left out."""
    text = json.dumps([kind, said], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def require_status(sale: Sale, to: SaleStatus, now: datetime) -> bool:
    """Whether the sale has to change to be that; False where it is so already. Raises Refusal
    INVALID_STATE where no arrow leads there."""
    seen = sale.status_at(now)
    if sale.status is to or (to is SaleStatus.PUBLISHED and sale.status is SaleStatus.OPEN):
        return False
    # What is over by the clock neither pauses nor goes on.
    is_over = seen is SaleStatus.CLOSED and to in (SaleStatus.PAUSED, SaleStatus.PUBLISHED)
    # Publishing puts stock at the gate, which is more than a change of status.
    is_draft = sale.status is SaleStatus.DRAFT and to is SaleStatus.PUBLISHED
    if is_over or is_draft or to not in SALE_TRANSITIONS[sale.status]:
        raise Refusal(ErrorCode.INVALID_STATE, f"the sale is {seen}", sale_status=seen)
    return True
