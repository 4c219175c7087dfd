"""Points accounts and their ledger."""

from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import ErrorCode, Refusal
from domain.points import (
    CreditExceedsDebit,
    InsufficientPoints,
    PointsCredited,
    PointsDebited,
    PointsEntry,
    PointsKind,
)
from infra.postgres.queries import fetch_page
from infra.postgres.tables.points import points_accounts, points_debts, points_entries
from infra.readable import all_readable

# Apart from whatever else takes advisory locks.
GRANT_KEYS = 0x5EC_6147


class Points:
    """Amounts are whole points above zero; others raise Refusal(INVALID)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def grant(
        self, user_id: str, amount: int, note: str, *, request_key: str | None = None
    ) -> bool:
        """Give points; opens the account if there is none. The same `request_key` gives them
        once: False if it gave them before. Raises Refusal IDEMPOTENCY_MISMATCH if it gave another
        amount, or gave it to somebody else."""
        _require_positive(amount)
        if request_key is not None and await self._was_given(request_key, user_id, amount):
            return False
        account = insert(points_accounts).values(user_id=user_id, balance=0)
        await self._connection.execute(account.on_conflict_do_nothing())
        await self._lock(user_id)
        await self._change(user_id, PointsKind.GRANT, amount, note, request_key=request_key)
        return True

    async def debit(
        self, order_id: str, user_id: str, amount: int, payment_id: str | None = None
    ) -> PointsDebited | InsufficientPoints:
        """Pay an order with points, once, by this payment of it. A repeat answers as the first
        did; a debit that was refused leaves nothing, and may be tried again."""
        _require_positive(amount)
        balance = await self._lock(user_id)
        standing = await self._standing(PointsKind.DEBIT, order_id)
        if standing:
            return PointsDebited(amount=-standing.amount, balance=standing.balance_after)
        changed = await self._change(
            user_id, PointsKind.DEBIT, -amount, order_id=order_id, payment_id=payment_id
        )
        if changed is None:
            # No entry is kept of a refusal: the same order may be paid once there are points.
            return InsufficientPoints(balance=balance, needed=amount)
        return PointsDebited(amount=amount, balance=changed)

    async def credit(
        self, order_id: str, user_id: str, amount: int
    ) -> PointsCredited | CreditExceedsDebit:
        """Give back what an order was paid with, once; never more than was taken, and to nobody
        but who paid. A repeat answers as the first did: before what the user owed was taken."""
        _require_positive(amount)
        await self._lock(user_id)
        standing = await self._standing(PointsKind.CREDIT, order_id)
        if standing:
            return PointsCredited(amount=standing.amount, balance=standing.balance_after)
        debit = await self._standing(PointsKind.DEBIT, order_id)
        debited = -debit.amount if debit and debit.user_id == user_id else 0
        if debited < amount:
            return CreditExceedsDebit(debited=debited, asked=amount)
        balance = await self._change(user_id, PointsKind.CREDIT, amount, order_id=order_id)
        return PointsCredited(amount=amount, balance=balance or 0)

    async def debit_of(self, order_id: str) -> PointsEntry | None:
        """What an order was paid with."""
        return await self._standing(PointsKind.DEBIT, order_id)

    async def credit_of(self, order_id: str) -> PointsEntry | None:
        """What an order was given back."""
        return await self._standing(PointsKind.CREDIT, order_id)

    async def take_award_back(
        self, order_id: str, user_id: str, note: str, *, but_for: int = 0
    ) -> int:
        """Undo an order's award, `but_for` what its money that stays has earned. What has been
        spent is owed, and taken from the next credit or award. Answers the points taken so far,
        the same on a repeat; 0 if the order had no award."""
        balance = await self._lock(user_id)
        award = await self._standing(PointsKind.AWARD, order_id)
        if award is None or award.user_id != user_id:
            return 0
        back, parts = await self._came_back(order_id)
        owed = await self._owed(points_debts.c.order_id, order_id)
        missing = award.amount - but_for - back - owed
        if missing <= 0:
            return back
        taken = min(missing, balance)
        await self._change(
            user_id, PointsKind.AWARD_BACK, -taken, note, order_id=order_id, part=parts
        )
        if missing > taken:
            debt = insert(points_debts).values(
                order_id=order_id, user_id=user_id, owed=missing - taken
            )
            more = {"owed": points_debts.c.owed + debt.excluded.owed}
            await self._connection.execute(
                debt.on_conflict_do_update(index_elements=["order_id"], set_=more)
            )
        return back + taken

    async def owed(self, user_id: str) -> int:
        """Points that refunded orders had awarded and that are not back yet."""
        return await self._owed(points_debts.c.user_id, user_id)

    async def balance(self, user_id: str) -> int:
        """0 for who has no account."""
        query = select(points_accounts.c.balance).where(points_accounts.c.user_id == user_id)
        return (await self._connection.execute(query)).scalar_one_or_none() or 0

    async def page(
        self, user_id: str, cursor: str | None, limit: int
    ) -> tuple[list[PointsEntry], str | None]:
        """Newest first."""
        query = select(points_entries).where(points_entries.c.user_id == user_id)
        key = points_entries.c.entry_id
        rows, after = await fetch_page(self._connection, query, key, cursor, limit)
        return all_readable(rows, PointsEntry.model_validate), after

    async def _lock(self, user_id: str) -> int:
        """The balance, which nobody else changes until this transaction ends."""
        query = select(points_accounts.c.balance).where(points_accounts.c.user_id == user_id)
        locked = await self._connection.execute(query.with_for_update())
        return locked.scalar_one_or_none() or 0

    async def _was_given(self, request_key: str, user_id: str, amount: int) -> bool:
        # Accounts are locked one by one, a key is shared by all of them: two gifts under one key
        # would else meet only at the unique index, which fails instead of answering.
        turn = func.pg_advisory_xact_lock(func.hashtextextended(request_key, GRANT_KEYS))
        await self._connection.execute(select(turn))
        given = await self._one(points_entries.c.request_key == request_key)
        if given and (given.user_id, given.amount) != (user_id, amount):
            detail = "the key gave other points, or gave them to somebody else"
            raise Refusal(ErrorCode.IDEMPOTENCY_MISMATCH, detail)
        return given is not None

    async def _came_back(self, order_id: str) -> tuple[int, int]:
        """Points of the order's award that are back, and in how many parts."""
        entry = points_entries.c
        query = select(func.coalesce(-func.sum(entry.amount), 0), func.count()).where(
            entry.order_id == order_id, entry.kind == PointsKind.AWARD_BACK
        )
        back, parts = (await self._connection.execute(query)).one()
        return int(back), parts

    async def _owed(self, of: ColumnElement[str], name: str) -> int:
        query = select(func.sum(points_debts.c.owed)).where(of == name)
        return int((await self._connection.execute(query)).scalar_one() or 0)

    async def _standing(self, kind: PointsKind, order_id: str) -> PointsEntry | None:
        entry = points_entries.c
        return await self._one(entry.kind == kind, entry.order_id == order_id)

    async def _one(self, *terms: ColumnElement[bool]) -> PointsEntry | None:
        query = select(points_entries).where(*terms)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return PointsEntry.model_validate(row) if row else None

    async def _change(
        self, user_id: str, kind: PointsKind, by: int, note: str = "", **links: Any
    ) -> int | None:
        """The new balance, or None (and nothing done) if it would fall below zero."""
        # Postgres adds, from the row as it is: a balance that was read and written back would
        # lose what another transaction wrote between.
        query = (
            update(points_accounts)
            .where(points_accounts.c.user_id == user_id, points_accounts.c.balance >= -by)
            .values(balance=points_accounts.c.balance + by)
            .returning(points_accounts.c.balance)
        )
        balance: int | None = (await self._connection.execute(query)).scalar_one_or_none()
        if balance is None:
            return None
        entry = {"user_id": user_id, "kind": kind, "amount": by, "balance_after": balance}
        await self._connection.execute(insert(points_entries).values(**entry, note=note, **links))
        return balance


def _require_positive(amount: int) -> None:
    if amount <= 0:
        raise Refusal(ErrorCode.INVALID, "points move in amounts above zero")
