"""Points in the HTTP contract."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.schemas import Body, Note, UserId, View
from domain.points import PointsKind

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
