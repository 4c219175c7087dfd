"""Refunds and gifts of operators: done at once, or once a second person has agreed."""

from api.approvals import COMES_LATER, ApprovedCommands, Executor
from api.refunds import OrderRefunds
from api.schemas.points import gift_note
from api.schemas.refunds import RefundView
from domain.approval import Approval, ApprovalKind, ApprovalStatus, NewCommand
from domain.errors import Refusal
from domain.refund import Refund
from domain.refund_rules import RefundWish
from infra.postgres.engine import Database
from infra.postgres.points import Points

_AT_ONCE = (None, ApprovalStatus.UNNEEDED)


class GuardedRefunds:
    def __init__(self, approved: ApprovedCommands, refunds: OrderRefunds) -> None:
        self._approved = approved
        self._refunds = refunds

    async def ask(self, order_id: str, wish: RefundWish) -> RefundView | Approval:
        """The refund, or what is waited for. Raises Refusal as `OrderRefunds.ask` does."""
        before = await self._approved.before(_refund_command(order_id, wish, amount=0))
        if before and before.status is not ApprovalStatus.UNNEEDED:
            return before
        if not self._approved.guards(ApprovalKind.REFUND):
            return await self._refunds.ask(order_id, wish)
        plan = await self._refunds.plan(order_id, wish)
        if isinstance(plan, Refund):
            return await self._refunds.ask(order_id, wish)
        approval = await self._approved.consider(_refund_command(order_id, wish, plan.amount))
        if approval and approval.status is not ApprovalStatus.UNNEEDED:
            return approval
        try:
            return await self._refunds.ask(order_id, wish)
        except Refusal as refusal:
            if approval and refusal.code not in COMES_LATER:
                await self._approved.forget(approval)
            raise


class GuardedGifts:
    def __init__(self, approved: ApprovedCommands) -> None:
        self._approved = approved

    async def ask(
        self, user_id: str, amount: int, reason: str, actor: str, request_key: str | None
    ) -> Approval | None:
        """None where the points may be given now. Raises Refusal IDEMPOTENCY_MISMATCH."""
        command = NewCommand(
            kind=ApprovalKind.POINTS,
            subject=user_id,
            amount=amount,
            command={"amount": amount},
            asked_by=actor,
            reason=reason,
            request_key=request_key,
        )
        approval = await self._approved.before(command) or await self._approved.consider(command)
        return None if approval is None or approval.status in _AT_ONCE else approval


def refund_executor(refunds: OrderRefunds) -> Executor:
    async def give_back(approval: Approval) -> str:
        wish = RefundWish.model_validate(
            {
                **approval.command,
                "actor": approval.asked_by,
                "note": f"{approval.reason} (approved by {approval.decided_by})",
                "request_key": approval.request_key or approval.key,
            }
        )
        return (await refunds.ask(approval.subject, wish)).refund_id

    return give_back


def gift_executor(database: Database) -> Executor:
    async def give(approval: Approval) -> str:
        note = gift_note(approval.reason, approval.asked_by)
        async with database.transaction() as connection:
            # The asker's own key, if there is one: it may have given them without an approval.
            key = approval.request_key or approval.key
            await Points(connection).grant(approval.subject, approval.amount, note, request_key=key)
        return f"{approval.amount} points are given"

    return give


def _refund_command(order_id: str, wish: RefundWish, amount: int) -> NewCommand:
    return NewCommand(
        kind=ApprovalKind.REFUND,
        subject=order_id,
        amount=amount,
        command={"amount": wish.amount, "by_hand": wish.by_hand},
        asked_by=wish.actor,
        reason=wish.note,
        request_key=wish.request_key,
    )
