"""Commands that wait for a second person, and those that were small enough not to.

Who has a command that may need one asks `ApprovedCommands.consider` (`api/approvals.py`), and goes
on if the answer is None or UNNEEDED; else the answer is what the caller is told. What carries it
out once it is approved is an executor of its kind, named in `api/operating.py`: it does its work
under `Approval.key`, so that it may be begun again.
"""

import hashlib
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actors import SYSTEM
from domain.approval import APPROVED_WITHIN, Amounts, Approval, ApprovalStatus, NewCommand
from domain.errors import ErrorCode, Refusal
from domain.ids import new_sale_id
from infra.postgres.queries import fetch_page, happened
from infra.postgres.tables.approvals import approvals
from infra.readable import all_readable

DAY = timedelta(hours=24)
# Apart from whatever else takes advisory locks.
APPROVAL_KEYS = 0x5EC_0A99
LAPSED = "nobody approved it in time"
_row = approvals.c


class Approvals:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def asked_before(self, asked_by: str, request_key: str, digest: str) -> Approval | None:
        """What stands under the asker's key. Raises Refusal IDEMPOTENCY_MISMATCH for another
        command."""
        found = await self._one(_row.asked_by == asked_by, _row.request_key == request_key)
        if found and found.digest != digest:
            raise Refusal(ErrorCode.IDEMPOTENCY_MISMATCH, "the key asked for something else")
        return found

    async def consider(self, new: NewCommand, amounts: Amounts) -> Approval:
        """The command's row: UNNEEDED where one person is enough; REQUESTED where it waits, now
        or since it was asked for before; or as it stands under its key. Raises Refusal as
        `asked_before` does."""
        # The day's sum and the subject's are read and added to by one at a time.
        for name in (f"by {new.asked_by}", f"{new.kind} {new.subject}"):
            await self._take_turn(name)
        await self._lapse(new.asked_by)
        if new.request_key is not None:
            before = await self.asked_before(new.asked_by, new.request_key, new.digest)
            if before:
                return before
        waiting = _row.status == ApprovalStatus.REQUESTED
        awaited = await self._one(_row.asked_by == new.asked_by, _row.digest == new.digest, waiting)
        # Under another name it is another wish; but the same one twice is not approved twice.
        if awaited:
            return awaited
        of_subject = await self._sum(_row.kind == new.kind, _row.subject == new.subject)
        of_day = await self._sum(
            _row.kind == new.kind,
            _row.asked_by == new.asked_by,
            _row.asked_at > func.now() - DAY,
        )
        needed = amounts.ask_for_a_second_person(new.amount, of_subject=of_subject, of_day=of_day)
        status = ApprovalStatus.REQUESTED if needed else ApprovalStatus.UNNEEDED
        values = new.model_dump() | {
            "approval_id": f"A{new_sale_id(time.time_ns() // 1_000_000)}",
            "command": dict(new.command),
            "digest": new.digest,
            "status": status,
            "expires_at": func.now() + APPROVED_WITHIN,
        }
        made = await self._connection.execute(insert(approvals).values(values).returning(approvals))
        return Approval.model_validate(made.mappings().one())

    async def approve(self, approval_id: str, by: str, why: str, lease: timedelta) -> bool:
        """requested -> approved, in time and by another one than who asked; it is the caller's to
        carry out for the time of the lease. False if it is not so."""
        query = (
            update(approvals)
            .where(
                _row.approval_id == approval_id,
                _row.status == ApprovalStatus.REQUESTED,
                _row.asked_by != by,
                _row.expires_at > func.now(),
            )
            .values(
                status=ApprovalStatus.APPROVED,
                decided_by=by,
                decision=why,
                decided_at=func.now(),
                due_at=func.now() + lease,
                attempts=1,
            )
        )
        return await happened(self._connection, query)

    async def refuse(self, approval_id: str, by: str, why: str) -> bool:
        """requested -> refused. False if it was decided before."""
        query = (
            update(approvals)
            .where(_row.approval_id == approval_id, _row.status == ApprovalStatus.REQUESTED)
            .values(
                status=ApprovalStatus.REFUSED, decided_by=by, decision=why, decided_at=func.now()
            )
        )
        return await happened(self._connection, query)

    async def claim_due(self, limit: int, lease: timedelta) -> Sequence[Approval]:
        """Approved ones that nobody carries out just now; the caller does, for the lease."""
        due = (
            select(_row.approval_id)
            .where(_row.status == ApprovalStatus.APPROVED, _row.due_at < func.now())
            .order_by(_row.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claimed = (
            update(approvals)
            .where(_row.approval_id == due.c.approval_id)
            .values(due_at=func.now() + lease, attempts=_row.attempts + 1)
            .returning(*_row)
        )
        rows = (await self._connection.execute(claimed)).mappings().all()
        return all_readable(rows, Approval.model_validate)

    async def finish(self, approval_id: str, to: ApprovalStatus, outcome: str) -> bool:
        """approved -> done or failed. False if it is not approved (any more)."""
        approved = _row.status == ApprovalStatus.APPROVED
        query = (
            update(approvals)
            .where(_row.approval_id == approval_id, approved)
            .values(status=to, outcome=outcome, done_at=func.now(), due_at=None)
        )
        return await happened(self._connection, query)

    async def forget(self, approval_id: str) -> bool:
        """Only one that needed nobody: its amount is no longer added up."""
        unneeded = _row.status == ApprovalStatus.UNNEEDED
        query = delete(approvals).where(_row.approval_id == approval_id, unneeded)
        return await happened(self._connection, query)

    async def get(self, approval_id: str) -> Approval | None:
        return await self._one(_row.approval_id == approval_id)

    async def page(
        self, status: ApprovalStatus | None, cursor: str | None, limit: int
    ) -> tuple[list[Approval], str | None]:
        """Newest first; without a status all that needed a second person."""
        of_status = _row.status == status if status else _row.status != ApprovalStatus.UNNEEDED
        query = select(approvals).where(of_status)
        key = _row.approval_number
        rows, after = await fetch_page(self._connection, query, key, cursor, limit)
        return all_readable(rows, Approval.model_validate), after

    async def _one(self, *terms: ColumnElement[bool]) -> Approval | None:
        query = select(approvals).where(*terms)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Approval.model_validate(row) if row else None

    async def _sum(self, *terms: ColumnElement[bool]) -> int:
        """Of what was done without a second person."""
        total = func.coalesce(func.sum(_row.amount), 0)
        query = select(total).where(_row.status == ApprovalStatus.UNNEEDED, *terms)
        return int((await self._connection.execute(query)).scalar_one())

    async def _lapse(self, asked_by: str) -> None:
        """Or what is too old would stand in the way of its own repeat."""
        late = (_row.status == ApprovalStatus.REQUESTED, _row.expires_at <= func.now())
        query = update(approvals).where(_row.asked_by == asked_by, *late)
        refused: dict[str, Any] = {"status": ApprovalStatus.REFUSED, "decided_by": SYSTEM}
        refused |= {"decision": LAPSED, "decided_at": func.now()}
        await self._connection.execute(query.values(refused))

    async def _take_turn(self, name: str) -> None:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], signed=True)
        turn = func.pg_advisory_xact_lock(APPROVAL_KEYS, number)
        await self._connection.execute(select(turn))
