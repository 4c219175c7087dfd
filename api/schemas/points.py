"""A buyer's points, as they are given and seen."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.schemas.model import Body, Note, UserId, View
from domain.actors import operator
from domain.points import PointsEntry, PointsKind

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
    balance: int
    entries: list[PointsEntryView]


class GrantBody(Body):
    user_id: UserId
    amount: Annotated[int, Field(strict=True, ge=1, le=MOST_POINTS)]
    reason: Note


def gift_note(reason: str, actor: str) -> str:
    """What the ledger keeps of a gift: why, and who gave it."""
    return f"{reason} ({actor})"


def points_view(balance: int, entries: Iterable[PointsEntry]) -> PointsView:
    return PointsView(
        balance=balance,
        entries=[
            PointsEntryView(**entry.model_dump(exclude={"user_id", "note"}), note=_for_buyer(entry))
            for entry in entries
        ],
    )


def _for_buyer(entry: PointsEntry) -> str:
    """Why a gift was given, and not who of the shop gave it."""
    reason, by, _ = entry.note.rpartition(f" ({operator('')}")
    return reason if by and entry.kind is PointsKind.GRANT else entry.note
