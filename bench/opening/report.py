"""What became of a room with everybody in it."""

from domain.model import Value
from domain.sale import Admission

SHOWN_WRONGS = 5


class DrawTimes(Value):
    """Seconds: to read the pool out of Redis, to draw, to fix the places there, and for somebody
    else to work all of them out again."""

    pool: float
    draw: float
    fix: float
    verify: float


class RoomReport(Value):
    """`joins_per_second` came many at once; `lone_ms`: p50 and p99 of a click by itself, in a room
    with everybody in it. `redis_us`: of one click, by Redis' own clock. Bytes are Redis' memory;
    `line_bytes` are gone once the ticket is a row. `sold_bots`: units that bots got. `places`: what
    was found of all of them. `wrong`: what no buyer may ever see."""

    admission: Admission
    people: int
    bots: int
    units: int
    clicks: int
    tickets: int
    joins_per_second: float
    redis_us: float
    lone_ms: tuple[float, float]
    ticket_bytes: float
    line_bytes: float
    times: DrawTimes | None
    sold: int
    sold_to_bots: int
    asked_at_the_end: int
    told_over: int
    places_hold: bool
    places: str
    wrong: tuple[str, ...] = ()

    @property
    def of_a_fair_share(self) -> float:
        """What bots got, as a multiple of what their number of accounts comes to."""
        return (self.sold_to_bots / self.sold) / (self.bots / self.people) if self.sold else 0.0

    @property
    def ok(self) -> bool:
        is_whole = self.tickets == self.people and self.sold == self.units and not self.wrong
        return is_whole and self.places_hold and self.told_over == self.asked_at_the_end


class OpeningReport(Value):
    rooms: tuple[RoomReport, ...]

    def headlines(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for room in self.rooms:
            name = f"{room.people:,} in a {room.admission}"
            found[f"{name}: click in Redis, µs"] = room.redis_us
            found[f"{name}: bytes of a ticket"] = room.ticket_bytes
            found[f"{name}: bots' units of a fair share"] = room.of_a_fair_share
        return found
