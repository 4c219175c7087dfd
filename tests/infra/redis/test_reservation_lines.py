import pytest

from domain.reservation import Reservation, ReservationState
from infra.redis.reservation_lines import (
    buyer_lines,
    parse_reservation,
    reservation_line,
    units_of,
)


def _reservation(
    order_id: str,
    user_id: str = "ada",
    quantity: int = 1,
    state: ReservationState = ReservationState.HELD,
    at_ms: int = 1,
) -> Reservation:
    return Reservation(
        order_id=order_id, user_id=user_id, quantity=quantity, state=state, reserved_at_ms=at_ms
    )


@pytest.mark.parametrize("state", list(ReservationState))
@pytest.mark.parametrize("user_id", ["ada", "a b  c", "", "名 前", "line\nbreak"])
def test_a_reservation_is_read_as_it_was_written(state: ReservationState, user_id: str) -> None:
    reservation = _reservation("O1", user_id, 3, state, 1_900_000_000_000)

    assert parse_reservation("O1", reservation_line(reservation)) == reservation


def test_a_reservation_is_written_as_the_scripts_write_it() -> None:
    assert reservation_line(_reservation("O1", "a b", 2, at_ms=5)) == "held 2 5 a b"


def test_a_buyers_line_counts_units_and_names_orders_newest_last() -> None:
    lines = buyer_lines(
        [
            _reservation("new", quantity=2, at_ms=30),
            _reservation("old", at_ms=10, state=ReservationState.SOLD),
            _reservation("gone", at_ms=20, state=ReservationState.RELEASED),
            _reservation("other", "bob"),
        ]
    )

    assert lines == {"ada": "3 old new", "bob": "1 other"}
    assert units_of(lines["ada"]) == 3
