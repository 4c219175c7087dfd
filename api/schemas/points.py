"""A buyer's points, as they are given and seen."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.schemas.model import Body, Note, UserId, View
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


def points_view(balance: int, entries: Iterable[PointsEntry]) -> PointsView:
    return PointsView(
        balance=balance,
        entries=[PointsEntryView.model_validate(entry.model_dump()) for entry in entries],
    )
