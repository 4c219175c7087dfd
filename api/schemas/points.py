"""A buyer's points, as they are given and seen."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.schemas.model import Body, Reason, UserId, View, such_as
from domain.actors import operator
from domain.points import PointsEntry, PointsKind
from infra.readable import all_readable

MOST_POINTS = 10**9


class PointsEntryView(View):
    """`amount` is signed: what the account gained or lost; `balance_after` what it then held."""

    at: datetime
    kind: PointsKind
    amount: int
    balance_after: int
    order_id: str | None
    note: str


class PointsView(View):
    """`owed`: what refunded orders had awarded and is spent; the next points that come in by an
    order, as its award or given back, pay it."""

    balance: int
    owed: int
    entries: list[PointsEntryView]
    next_cursor: str | None


class GrantBody(Body):
    model_config = such_as(user_id="ada", amount=100, reason="sorry for the wait")

    user_id: UserId
    amount: Annotated[int, Field(strict=True, ge=1, le=MOST_POINTS)]
    reason: Reason


def gift_note(reason: str, actor: str) -> str:
    """What the ledger keeps of a gift: why, and who gave it."""
    return f"{reason} ({actor})"


def points_view(
    balance: int, owed: int, entries: Iterable[PointsEntry], next_cursor: str | None
) -> PointsView:
    return PointsView(
        balance=balance,
        owed=owed,
        entries=all_readable(entries, _entry_view),
        next_cursor=next_cursor,
    )


def _entry_view(entry: PointsEntry) -> PointsEntryView:
    fields = entry.model_dump(exclude={"user_id"})
    # A buyer reads why a gift was given, and not who of the shop gave it.
    reason, by, _ = entry.note.rpartition(f" ({operator('')}")
    if by and entry.kind is PointsKind.GRANT:
        fields["note"] = reason
    return PointsEntryView.model_validate(fields)
