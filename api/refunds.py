"""Refunds as callers ask for them: planned from the order's books, then handed to a workflow."""

from api.refund_commands import NotRunning, RefundCommands
from domain.errors import ErrorCode, Refusal
from domain.ids import is_order_id
from domain.refund import Refund, RefundRequest
from domain.refund_rules import RefundWish, plan_refund
from domain.states import RefundStatus
from infra.postgres.engine import Database
from infra.postgres.orders import Orders
from infra.postgres.refunds import Refunds


class RefundDesk:
    """Every call raises Refusal: NOT_FOUND, INVALID_STATE, INVALID or UNAVAILABLE."""

    def __init__(self, database: Database, commands: RefundCommands) -> None:
        self._database = database
        self._commands = commands

    async def ask(self, order_id: str, wish: RefundWish) -> tuple[str, RefundStatus, int]:
        """Refund id, status and amount; the same for the same wish, however often it is made."""
        plan = await self._plan(order_id, wish)
        if isinstance(plan, Refund):
            return plan.refund_id, plan.status, plan.amount
        try:
            refund = await self._commands.request(plan) or await self._find(plan.refund_id)
        except NotRunning:
            refund = await self._ended(plan.refund_id)
        if refund is None:
            return plan.refund_id, RefundStatus.REQUESTED, plan.amount
        if not _is_answer_to(refund, plan):
            raise Refusal(ErrorCode.INVALID_STATE, f"refund {refund.refund_id} has to finish first")
        return refund.refund_id, refund.status, refund.amount

    async def retry(self, refund_id: str, actor: str, reason: str) -> Refund:
        refund = await self._known(refund_id)
        return await self._commands.retry(refund, actor, reason) or await self._known(refund_id)

    async def resolve(self, refund_id: str, actor: str, reason: str) -> Refund:
        refund = await self._known(refund_id)
        return await self._commands.resolve(refund, actor, reason) or await self._known(refund_id)

    async def _plan(self, order_id: str, wish: RefundWish) -> Refund | RefundRequest:
        dossier = None
        if is_order_id(order_id):
            async with self._database.transaction() as connection:
                dossier = await Orders(connection).dossier(order_id)
        if dossier is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such order")
        return plan_refund(dossier, wish)

    async def _ended(self, refund_id: str) -> Refund:
        """What has ended and left no record was refused: another refund of the same money, asked
        for at the same moment, came first. Asked again, the books say what is left."""
        refund = await self._find(refund_id)
        if refund is None:
            raise Refusal(ErrorCode.UNAVAILABLE, "another refund came between; ask again")
        return refund

    async def _find(self, refund_id: str) -> Refund | None:
        async with self._database.transaction() as connection:
            return await Refunds(connection).get(refund_id)

    async def _known(self, refund_id: str) -> Refund:
        refund = await self._find(refund_id)
        if refund is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such refund")
        return refund


def _is_answer_to(refund: Refund, plan: RefundRequest) -> bool:
    """Two different wishes made at one moment may meet in one refund."""
    return (refund.amount, refund.reason, refund.request_key) == (
        plan.amount,
        plan.reason,
        plan.request_key,
    )
