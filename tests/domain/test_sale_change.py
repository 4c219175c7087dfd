from datetime import timedelta

import pytest

from domain.errors import Refusal
from domain.sale import Admission
from domain.sale_change import (
    SaleChange,
    changed_sale,
    lowered_limits,
    narrowed,
    what_changed,
)
from domain.states import SaleStatus
from tests.support.values import NOON, a_sale, an_item

HOUR = timedelta(hours=1)
SALE = a_sale(an_item("mug", per_user_limit=4))


def after(items: dict[str, dict[str, object]] | None = None, **sale: object) -> SaleChange:
    return SaleChange(sale=sale, items=items or {})


def test_the_next_version_says_what_changed() -> None:
    wider = changed_sale(SALE, after({"mug": {"title": "Cup"}}, name="x"), NOON)

    assert wider.version == SALE.version + 1
    assert [(one.member, one.after) for one in what_changed(SALE, wider)] == [
        ("name", "x"),
        ("items.mug.title", "Cup"),
    ]


def test_what_is_given_is_not_taken_away() -> None:
    wider = changed_sale(
        SALE, after({"mug": {"per_user_limit": 9}}, ends_at=SALE.ends_at + HOUR), NOON
    )

    assert narrowed(SALE, wider) is None
    assert lowered_limits(SALE, wider) == []


def test_what_is_taken_away_is_told_apart_from_what_is_given() -> None:
    both = changed_sale(
        SALE,
        after({"mug": {"per_user_limit": 1}}, ends_at=SALE.ends_at + HOUR, pace_per_minute=6),
        NOON,
    )

    narrow = narrowed(SALE, both)

    assert narrow is not None
    assert narrow.version == both.version
    assert (narrow.ends_at, narrow.pace_per_minute) == (SALE.ends_at, 6)
    assert [item.per_user_limit for item in narrow.items] == [1]
    assert [item.sku_id for item in lowered_limits(SALE, both)] == ["mug"]


@pytest.mark.parametrize("status", [SaleStatus.CLOSED, SaleStatus.SETTLED, SaleStatus.CANCELLED])
def test_what_is_over_changes_no_more(status: SaleStatus) -> None:
    with pytest.raises(Refusal, match=f"the sale is {status}"):
        changed_sale(a_sale(an_item(), status=status), after(name="x"), NOON)


def test_a_window_that_is_over_is_not_opened_again() -> None:
    with pytest.raises(Refusal, match="the sale is over"):
        changed_sale(SALE, after(ends_at=NOON + 9 * HOUR), NOON + 8 * HOUR)


def test_a_start_does_not_move_once_it_was() -> None:
    with pytest.raises(Refusal, match="has started"):
        changed_sale(SALE, after(starts_at=NOON + HOUR / 2), NOON)


def test_a_room_that_is_open_stays_open_however_late_the_start() -> None:
    sale = a_sale(an_item()).model_copy(update={"admission": Admission.QUEUE})
    opened = sale.opens_its_rooms_at

    later = changed_sale(sale, after(starts_at=NOON + HOUR / 2), opened)

    assert later.opens_its_rooms_at == opened
    sooner = changed_sale(sale, after(starts_at=NOON - HOUR / 4), opened - HOUR)
    assert sooner.room_opens_at is None
