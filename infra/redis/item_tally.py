"""An item's books in Redis added up: do stock, buyers and reservations agree?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.reservation import ReservationState
from infra.redis.reservation_lines import parse_reservation, units_of


@dataclass(frozen=True)
class ItemTally:
    """`stock` is None for an item Redis does not know. `miscounted`: users whose count of units
    differs from their live reservations, as (counted, reserved). `terms`: the item's fields as
    Redis keeps them, which may be none, or not all."""

    stock: int | None
    live_units: int
    held_units: int
    miscounted: Mapping[str, tuple[int, int]]
    terms: Mapping[str, str] = field(default_factory=dict)


def tally_from(
    stock: str | None,
    lines: Iterable[str],
    buyers: Mapping[str, str],
    terms: Mapping[str, str] | None = None,
) -> ItemTally:
    reserved: dict[str, int] = {}
    held_units = 0
    for line in lines:
        reservation = parse_reservation("", line)
        if reservation.state is not ReservationState.RELEASED:
            held_units += reservation.quantity * (reservation.state is ReservationState.HELD)
            reserved[reservation.user_id] = (
                reserved.get(reservation.user_id, 0) + reservation.quantity
            )
    counted = {user_id: units_of(line) for user_id, line in buyers.items()}
    return ItemTally(
        stock=None if stock is None else int(stock),
        live_units=sum(reserved.values()),
        held_units=held_units,
        miscounted={
            user_id: (counted.get(user_id, 0), reserved.get(user_id, 0))
            for user_id in counted.keys() | reserved.keys()
            if counted.get(user_id, 0) != reserved.get(user_id, 0)
        },
        terms=terms or {},
    )
