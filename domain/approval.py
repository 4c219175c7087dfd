"""Approval: a command of one operator that another one has to agree to."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.model import Value

APPROVED_WITHIN = timedelta(hours=24)


class ApprovalKind(StrEnum):
    # The subject of each: the order, the buyer.
    REFUND = "refund"
    POINTS = "points"


class ApprovalStatus(StrEnum):
    """requested -> approved -> done or failed; or requested -> refused. `UNNEEDED`: it was below
    the amounts, and is kept because the amounts of a day are added up."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNNEEDED = "unneeded"


class Amounts(Value):
    """Above which a second person is needed: for one subject, and for one operator in a day. None
    is no limit."""

    of_subject: int | None = None
    of_day: int | None = None

    def ask_for_a_second_person(self, amount: int, *, of_subject: int, of_day: int) -> bool:
        """`of_subject`, `of_day`: what was done before without one."""
        # What went before counts: else a large amount would be several small ones.
        pairs = (self.of_subject, of_subject), (self.of_day, of_day)
        return any(most is not None and before + amount > most for most, before in pairs)


class NewCommand(Value):
    """`command` is all that is needed to carry it out later; `amount` is what it is judged by.
    `reason` is the asker's, and no part of what makes two commands the same."""

    kind: ApprovalKind
    subject: str
    amount: int
    command: Mapping[str, Any]
    asked_by: str
    reason: str
    request_key: str | None = None

    @property
    def digest(self) -> str:
        exact = json.dumps([self.kind, self.subject, dict(self.command)], sort_keys=True)
        return hashlib.sha256(exact.encode()).hexdigest()


class Approval(Value):
    """`decision`: why it was approved or refused. `outcome`: what came of carrying it out."""

    approval_id: str
    kind: ApprovalKind
    subject: str
    amount: int
    command: dict[str, Any]
    digest: str
    request_key: str | None
    status: ApprovalStatus
    asked_by: str
    reason: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decision: str = ""
    decided_at: datetime | None = None
    outcome: str = ""
    done_at: datetime | None = None

    @property
    def key(self) -> str:
        """Under which it is carried out, however often that is begun: once in effect."""
        return f"approval-{self.approval_id}"
