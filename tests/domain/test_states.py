import pytest

from domain.states import (
    AT_THE_GATE,
    FINAL,
    HOLDING_STOCK,
    IN_HAND,
    ON_SHOW,
    ORDER_TRANSITIONS,
    OWNING_STOCK,
    SELLING,
    UNFINISHED,
    OrderStatus,
    SaleStatus,
)


def _reachable(start: OrderStatus) -> set[OrderStatus]:
    seen, waiting = {start}, [start]
    while waiting:
        for following in ORDER_TRANSITIONS[waiting.pop()] - seen:
            seen.add(following)
            waiting.append(following)
    return seen


def test_every_status_has_its_ways_on_and_is_reached_from_the_queue() -> None:
    assert set(ORDER_TRANSITIONS) == set(OrderStatus)
    assert _reachable(OrderStatus.QUEUED) == set(OrderStatus)


@pytest.mark.parametrize("status", list(OrderStatus))
def test_every_order_can_come_to_an_end(status: OrderStatus) -> None:
    assert _reachable(status) & FINAL


def test_what_somebody_cancelled_or_got_back_is_never_taken_up_again() -> None:
    for status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED, OrderStatus.REJECTED):
        assert not ORDER_TRANSITIONS[status]


def test_an_order_that_ran_out_of_time_may_only_be_paid_late() -> None:
    assert ORDER_TRANSITIONS[OrderStatus.TIMED_OUT] == {OrderStatus.PAID}


def test_no_order_both_holds_and_owns_its_stock() -> None:
    assert not HOLDING_STOCK & OWNING_STOCK


def test_stock_of_an_order_is_given_back_at_its_end_unless_it_was_delivered() -> None:
    assert {OrderStatus.FULFILLED} == FINAL & (HOLDING_STOCK | OWNING_STOCK)


def test_what_is_in_hand_is_not_at_its_end() -> None:
    assert UNFINISHED < IN_HAND
    assert not IN_HAND & FINAL


def test_a_sale_is_at_the_gate_while_it_sells_or_may_go_on_selling() -> None:
    assert SELLING < AT_THE_GATE < ON_SHOW
    assert {SaleStatus.PAUSED} == AT_THE_GATE - SELLING


def test_buyers_see_neither_drafts_nor_what_was_cancelled() -> None:
    assert set(SaleStatus) - ON_SHOW == {SaleStatus.DRAFT, SaleStatus.CANCELLED}
