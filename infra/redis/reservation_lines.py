"""How `lua/lines.lua` writes reservations and buyers down, read and written from Python."""

from collections.abc import Iterable

from domain.reservation import Reservation, ReservationState


def parse_reservation(order_id: str, line: str) -> Reservation:
    # A user id is free text and so stands last, spaces and all.
    state, quantity, at_ms, user_id = line.split(" ", 3)
    return Reservation(
        order_id=order_id,
        user_id=user_id,
        quantity=int(quantity),
        state=ReservationState(state),
        reserved_at_ms=int(at_ms),
    )


def reservation_line(reservation: Reservation) -> str:
    return (
        f"{reservation.state.value} {reservation.quantity} "
        f"{reservation.reserved_at_ms} {reservation.user_id}"
    )


def units_of(buyer_line: str) -> int:
    return int(buyer_line.partition(" ")[0])


def buyer_lines(reservations: Iterable[Reservation]) -> dict[str, str]:
    """Units and orders per user, from the reservations that count."""
    live: dict[str, list[Reservation]] = {}
    for reservation in reservations:
        if reservation.state is not ReservationState.RELEASED:
            live.setdefault(reservation.user_id, []).append(reservation)
    lines: dict[str, str] = {}
    for user_id, held in live.items():
        units = sum(reservation.quantity for reservation in held)
        # The last one is what a buyer at the limit is told of.
        newest_last = sorted(held, key=lambda reservation: reservation.reserved_at_ms)
        lines[user_id] = " ".join([str(units), *(one.order_id for one in newest_last)])
    return lines
