"""Commands above an amount wait for a second person; approved ones are carried out, once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog

from api.problems import Outage
from domain.approval import Amounts, Approval, ApprovalKind, ApprovalStatus, NewCommand
from domain.errors import ErrorCode, Refusal
from infra.postgres.approvals import Approvals
from infra.postgres.engine import Database

log = structlog.get_logger()

# Answers in a few words what came of it. Called again after a crash or an outage, with the same
# `Approval.key`. Raises Refusal for what can never be done.
Executor = Callable[[Approval], Awaitable[str]]

# Longer than carrying one out takes: then whoever began it is taken for dead.
LEASE = timedelta(seconds=60)
LOOK_SECONDS = 5.0
AT_ONCE = 10
# What may be otherwise in a moment, or have been done although it looks refused.
COMES_LATER = (ErrorCode.UNAVAILABLE, ErrorCode.OVERLOADED, ErrorCode.RATE_LIMITED)
_OVER = (ApprovalStatus.APPROVED, ApprovalStatus.DONE, ApprovalStatus.FAILED)


class ApprovedCommands:
    """`amounts`: by kind; a kind without any never waits."""

    def __init__(
        self,
        database: Database,
        amounts: Mapping[ApprovalKind, Amounts],
        executors: Mapping[ApprovalKind, Executor],
        *,
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._amounts = amounts
        self._executors = executors
        self._lease = lease

    def guards(self, kind: ApprovalKind) -> bool:
        """Whether such a command may ever need a second person."""
        return self._amounts.get(kind, Amounts()) != Amounts()

    async def before(self, command: NewCommand) -> Approval | None:
        """What stands under the command's key, also where no amount is set any more: the same key
        must never do a thing twice."""
        if command.request_key is None:
            return None
        async with self._database.transaction() as connection:
            return await Approvals(connection).asked_before(
                command.asked_by, command.request_key, command.digest
            )

    async def consider(self, command: NewCommand) -> Approval | None:
        """None where the command may be carried out at once and nobody counts."""
        if not self.guards(command.kind):
            return None
        amounts = self._amounts[command.kind]
        async with self._database.transaction() as connection:
            approval = await Approvals(connection).consider(command, amounts)
        if approval.status is ApprovalStatus.REQUESTED:
            log.info("approval_requested", approval_id=approval.approval_id, kind=approval.kind)
        return approval

    async def forget(self, approval: Approval) -> None:
        """What needed nobody was refused all the same: it does not count."""
        async with self._database.transaction() as connection:
            await Approvals(connection).forget(approval.approval_id)

    async def approve(self, approval_id: str, by: str, why: str) -> Approval:
        """Carries it out at once; while a store is away it is left approved, and done later. Raises
        Refusal: NOT_FOUND, FORBIDDEN for who asked, INVALID_STATE."""
        async with self._database.transaction() as connection:
            approvals = Approvals(connection)
            approved = await approvals.approve(approval_id, by, why, self._lease)
            found = _known(await approvals.get(approval_id))
        if approved:
            log.info("approved", approval_id=approval_id, by=by)
            return await self._carry_out(found)
        if found.asked_by == by:
            raise Refusal(ErrorCode.FORBIDDEN, "another operator has to approve it")
        if found.status not in _OVER:
            lapsed = found.status is ApprovalStatus.REQUESTED
            detail = "it was not approved in time" if lapsed else f"it is {found.status}"
            raise Refusal(ErrorCode.INVALID_STATE, detail)
        return found

    async def refuse(self, approval_id: str, by: str, why: str) -> Approval:
        """Who asked may take it back so. Raises Refusal: NOT_FOUND, INVALID_STATE."""
        async with self._database.transaction() as connection:
            approvals = Approvals(connection)
            await approvals.refuse(approval_id, by, why)
            found = _known(await approvals.get(approval_id))
        if found.status is not ApprovalStatus.REFUSED:
            raise Refusal(ErrorCode.INVALID_STATE, f"it is {found.status}")
        return found

    async def run(self) -> None:
        """Carries out, until cancelled, what was approved and whose process died."""
        while True:
            try:
                await self.carry_out_what_is_due()
            except Outage as error:
                log.warning("approvals_unreadable", error=repr(error)[:200])
            await asyncio.sleep(LOOK_SECONDS)

    async def carry_out_what_is_due(self) -> None:
        async with self._database.transaction() as connection:
            due = await Approvals(connection).claim_due(AT_ONCE, self._lease)
        for approval in due:
            try:
                await self._carry_out(approval)
            except Exception:
                # What is wrong with one must not keep the others from being done.
                log.exception("approval_not_carried_out", approval_id=approval.approval_id)

    async def _carry_out(self, approval: Approval) -> Approval:
        status, outcome = ApprovalStatus.DONE, ""
        executor = self._executors.get(approval.kind)
        if executor is None:
            # A process of the next release knows it.
            return approval
        try:
            outcome = await executor(approval)
        except Refusal as refusal:
            if refusal.code in COMES_LATER:
                return approval
            status, outcome = ApprovalStatus.FAILED, f"{refusal.code}: {refusal.detail}"
        except Outage as error:
            log.warning("approval_waits", approval_id=approval.approval_id, error=repr(error)[:200])
            return approval
        # Done before it is marked: who dies in between does it again, under the same key.
        async with self._database.transaction() as connection:
            approvals = Approvals(connection)
            await approvals.finish(approval.approval_id, status, outcome)
            done = _known(await approvals.get(approval.approval_id))
        log.info("approval_over", approval_id=approval.approval_id, status=done.status)
        return done


def _known(approval: Approval | None) -> Approval:
    if approval is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such approval")
    return approval
