"""A buyer's points, as they are given and seen."""

import pytest
from pydantic import ValidationError

from api.schemas.points import MOST_POINTS, GrantBody, points_view
from domain.points import PointsEntry, PointsKind
from tests.support.values import NOON


def test_an_account_is_told_line_by_line() -> None:
    entry = PointsEntry(
        user_id="ada",
        order_id="O1",
        kind=PointsKind.DEBIT,
        amount=-500,
        balance_after=38,
        note="",
        at=NOON,
    )

    view = points_view(38, 12, [entry], "next")

    assert (view.balance, view.owed, view.next_cursor) == (38, 12, "next")
    assert view.entries[0].model_dump() == entry.model_dump(exclude={"user_id", "payment_id"})


@pytest.mark.parametrize("amount", [0, -5, 1.0, "5", MOST_POINTS + 1])
def test_a_gift_is_a_whole_number_above_zero(amount: object) -> None:
    gift = {"user_id": "ada", "reason": "welcome"}
    assert GrantBody.model_validate({**gift, "amount": MOST_POINTS}).amount == MOST_POINTS
    with pytest.raises(ValidationError):
        GrantBody.model_validate({**gift, "amount": amount})
