"""What buyers and operators see of a sale, and what makes no sale."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from api.schemas.sales import NewSaleBody, operator_sale_view, sale_view
from domain.sale import Admission
from tests.support.api_doubles import a_sale
from tests.support.operators import new_sale
from tests.support.values import NOON


def test_buyers_see_what_is_left_and_nothing_of_the_books() -> None:
    view = sale_view(a_sale(), {"mug": 5}, NOON).model_dump()

    assert view["items"] == [
        {
            "sku_id": "mug",
            "title": "A mug",
            "list_price": 12_800,
            "price": 8_800,
            "points_price": 500,
            "currency": "CNY",
            "per_user_limit": 4,
            "remaining": 5,
        }
    ]
    assert "pay_window_seconds" not in view


def test_operators_see_the_gates_count_beside_the_ledgers() -> None:
    view = operator_sale_view(a_sale(), {"mug": 5}, NOON)

    (item,) = view.items
    assert (item.remaining, item.available, item.held, item.sold, item.stock) == (5, 6, 3, 1, 10)
    assert view.pay_window_seconds == 1800


@pytest.mark.parametrize(
    ("at", "status"), [(-1, "published"), (0, "open"), (59, "open"), (60, "closed")]
)
def test_a_sale_opens_and_closes_by_the_clock(at: int, status: str) -> None:
    sale, left, now = a_sale(), {"mug": 0}, NOON + timedelta(minutes=at)

    for view in (sale_view(sale, left, now), operator_sale_view(sale, left, now)):
        assert (view.status, view.server_time) == (status, now)


def test_a_new_sale_has_usual_terms() -> None:
    body = NewSaleBody.model_validate(
        {key: value for key, value in new_sale().items() if not key.startswith(("pay", "req"))}
    )

    assert (body.pay_window_seconds, body.admission) == (1800, Admission.OPEN)
    assert (body.late_payment, body.items[0].currency) == ("refund", "CNY")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ends_at": "2020-01-01T00:00:00Z"}, "starts_at must be before ends_at"),
        ({"items": new_sale()["items"] * 2}, "each sku_id may appear once"),
    ],
)
def test_what_contradicts_itself_is_no_sale(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NewSaleBody.model_validate(new_sale(**changes))
