from datetime import timedelta

import pytest

from domain.sale import ItemRef
from domain.states import SaleStatus
from tests.support.values import NOON, a_sale, an_item

SECOND = timedelta(seconds=1)
END = NOON + timedelta(hours=1)


class TestStatus:
    def test_of_a_published_sale_goes_by_the_clock(self) -> None:
        sale = a_sale(status=SaleStatus.PUBLISHED)

        assert sale.status_at(NOON - SECOND) is SaleStatus.PUBLISHED
        assert sale.status_at(NOON) is SaleStatus.OPEN
        assert sale.status_at(END - SECOND) is SaleStatus.OPEN
        assert sale.status_at(END) is SaleStatus.CLOSED

    @pytest.mark.parametrize("status", [SaleStatus.OPEN, SaleStatus.PAUSED])
    def test_of_a_sale_that_was_opened_or_paused_by_hand_ends_with_the_window(
        self, status: SaleStatus
    ) -> None:
        assert a_sale(status=status).status_at(END - SECOND) is status
        assert a_sale(status=status).status_at(END) is SaleStatus.CLOSED

    @pytest.mark.parametrize(
        "status",
        [SaleStatus.DRAFT, SaleStatus.CLOSED, SaleStatus.SETTLED, SaleStatus.CANCELLED],
    )
    def test_of_any_other_sale_stays_whatever_the_clock_says(self, status: SaleStatus) -> None:
        sale = a_sale(status=status)

        assert {sale.status_at(moment) for moment in (NOON - SECOND, NOON, END)} == {status}


class TestTerms:
    def test_tell_the_gate_what_the_sale_and_the_item_say(self) -> None:
        item = an_item(per_user_limit=2)

        terms = a_sale(item).terms_of(item)

        assert terms.ref == item.ref
        assert (terms.item_number, terms.per_user_limit) == (7, 2)
        assert terms.requires_entry_token is False

    def test_tell_the_window_in_milliseconds(self) -> None:
        sale = a_sale().model_copy(update={"starts_at": NOON + timedelta(milliseconds=5)})

        terms = sale.terms_of(sale.items[0])

        assert terms.starts_at_ms == int(NOON.timestamp()) * 1000 + 5
        assert terms.ends_at_ms == int(END.timestamp()) * 1000

    @pytest.mark.parametrize("status", list(SaleStatus))
    def test_say_paused_of_what_is_paused_and_nothing_else(self, status: SaleStatus) -> None:
        sale = a_sale(status=status)

        assert sale.terms_of(sale.items[0]).paused == (status is SaleStatus.PAUSED)

    @pytest.mark.parametrize("status", [SaleStatus.DRAFT, SaleStatus.CANCELLED])
    def test_leave_a_sale_that_sells_nothing_no_window(self, status: SaleStatus) -> None:
        sale = a_sale(status=status)
        terms = sale.terms_of(sale.items[0])

        assert terms.ends_at_ms <= terms.starts_at_ms


def test_an_item_is_found_by_its_sku() -> None:
    mug, cup = an_item("mug"), an_item("cup")
    sale = a_sale(mug, cup)

    assert sale.item("cup") == cup
    assert sale.item("spoon") is None
    assert mug.ref == ItemRef(sale_id="noon", sku_id="mug")
