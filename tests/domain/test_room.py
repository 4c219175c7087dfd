import pytest

from domain.room import (
    Eta,
    PlaceReport,
    RoomState,
    RoomVerdict,
    ShownTicketState,
    Ticket,
    TicketState,
    eta_of,
    shown_state,
)
from domain.sale import Admission

NOW = 1_000_000


def report(
    place: int | None = 61,
    *,
    state: TicketState = TicketState.WAITING,
    serving: int = 30,
    since: tuple[int, int] = (NOW - 30_000, 0),
    is_over: bool = False,
) -> PlaceReport:
    ticket = Ticket(
        user_id="ada",
        state=state,
        version=1,
        index=0,
        number=0,
        units=1,
        lapses=0,
        at_ms=0,
        order_id="",
        expires_at_ms=0,
        leaf="aa",
        nonce="bb",
    )
    room = RoomState(serving=serving, next_number=100, pool_size=None, is_over=is_over)
    return PlaceReport(RoomVerdict.TICKET, "", ticket, place, room, since, NOW)


def test_how_long_it_takes_is_a_range_around_the_pace_of_the_last_minute() -> None:
    assert eta_of(report(), 0, 0) == Eta(15, 63)
    assert report().ahead == 30
    # At most so many are called, however few came before.
    assert eta_of(report(), 0, 60) == Eta(31, 63)


def test_nobody_is_told_what_nobody_knows() -> None:
    assert eta_of(report(None), 0, 0) is None
    assert report(None).ahead is None
    assert eta_of(report(since=(NOW - 1000, 30)), 0, 0) is None
    assert eta_of(report(30), 0, 0) == Eta(0, 0)


def test_nobody_is_before_who_does_not_wait() -> None:
    gone = (TicketState.USED, TicketState.LEFT, TicketState.LAPSED)
    assert [report(state=state).ahead for state in gone] == [None] * 3
    assert report(is_over=True).ahead is None
    assert report(30, state=TicketState.CALLED).ahead == 0


def test_before_the_start_the_pace_is_what_the_sale_says() -> None:
    early = report(60, serving=0, since=(0, 0))
    assert eta_of(early, NOW + 10_000, 60) == Eta(70, 131)


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        *(("called", "called"), ("overdue", "called"), ("fetched", "called"), ("used", "used")),
        *(("lapsed", "lapsed"), ("left", "left"), ("waiting", "waiting")),
    ],
)
def test_what_a_buyer_is_shown_of_his_place(kept: str, shown: str) -> None:
    assert shown_state(report(state=TicketState(kept)), Admission.QUEUE) == shown


def test_a_pool_and_an_end_are_states_of_all_who_wait() -> None:
    assert shown_state(report(None), Admission.DRAW) is ShownTicketState.POOL
    assert shown_state(report(is_over=True), Admission.QUEUE) is ShownTicketState.OVER
    used = report(state=TicketState.USED, is_over=True)
    assert shown_state(used, Admission.QUEUE) is ShownTicketState.USED
