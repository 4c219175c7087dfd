"""Commands that wait for a second person, as operators see them."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.model import View
from domain.approval import Approval, ApprovalKind, ApprovalStatus

AWAITING = "awaiting_approval"


class AwaitingApprovalView(View):
    """Nothing has been done yet, unless `status` is `done`: the same key asked again tells how far
    it is. `outcome`: what came of it."""

    status: Literal["awaiting_approval", "approved", "done", "failed", "refused"]
    approval_id: str
    expires_at: AwareDatetime
    outcome: str


class ApprovalView(View):
    """`subject`: the order, the buyer or the sale; `amount` in minor units, or in points. A
    requested one can be approved until `expires_at`, by anybody but `asked_by`."""

    approval_id: str
    kind: ApprovalKind
    subject: str
    amount: int
    command: dict[str, str | int | bool | None] = Field(description="as it will be carried out")
    status: ApprovalStatus
    asked_by: str
    reason: str
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    decided_by: str | None
    decision: str
    decided_at: AwareDatetime | None
    outcome: str
    done_at: AwareDatetime | None


class ApprovalsPage(View):
    approvals: list[ApprovalView]
    next_cursor: str | None


def approval_view(approval: Approval) -> ApprovalView:
    return ApprovalView.model_validate(approval.model_dump())


def awaiting_view(approval: Approval) -> AwaitingApprovalView:
    is_open = approval.status is ApprovalStatus.REQUESTED
    return AwaitingApprovalView.model_validate(
        {**approval.model_dump(), "status": AWAITING if is_open else approval.status}
    )
