"""The room of an item: who waits for it in which place, who was called, and who may order."""

from enum import StrEnum
from typing import NamedTuple

from domain.model import Value
from domain.sale import Admission

# Enough for a day of joins that a lost server gave out and nobody wrote down.
NUMBERS_LEFT_OUT = 10_000
NO_ORDER = "-"


class TicketState(StrEnum):
    """`CALLED`: units are kept for it; `OVERDUE`: called, and took too long, so that it has what
    nobody else is called for; `FETCHED`: it has a pass; `LAPSED`: for good."""

    WAITING = "waiting"
    CALLED = "called"
    OVERDUE = "overdue"
    FETCHED = "fetched"
    USED = "used"
    LAPSED = "lapsed"
    LEFT = "left"


class TicketChange(StrEnum):
    """What happened to a ticket, as the stream of joins names it."""

    JOINED = "joined"
    CALLED = "called"
    OVERDUE = "overdue"
    FETCHED = "fetched"
    LAPSED = "lapsed"
    USED = "used"
    LEFT = "left"
    RESTORED = "restored"


class Ticket(Value):
    """One user's place in the room of one item. `index`: his line in the list of leaves, for ever;
    `number`: where he stands, which is his index until a pass of his lapses. `version` grows with
    each change. `leaf`, `nonce`: hex. `order_id`: what his pass will become, or became."""

    user_id: str
    state: TicketState
    version: int
    index: int
    number: int
    units: int
    lapses: int
    at_ms: int
    order_id: str
    expires_at_ms: int
    leaf: str
    nonce: str


class ChangedTicket(NamedTuple):
    """One entry of a stream of joins: what became of a ticket, and the ticket after it."""

    ticket: Ticket
    what: TicketChange
    at_ms: int


class RoomVerdict(StrEnum):
    """What a room answers to who joins, looks, leaves or asks for his pass."""

    TICKET = "ticket"
    PASS = "pass"  # noqa: S105
    NOT_FOUND = "not_found"
    NO_TICKET = "no_ticket"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    PAUSED = "paused"
    OVER = "over"
    # Units are free for who clicks.
    FREE = "free"
    LIMIT_REACHED = "limit_reached"
    NOT_YOUR_TURN = "not_your_turn"
    LAPSED = "lapsed"
    USED = "used"
    # Another server has it, or had.
    UNKNOWN = "unknown"


class RoomState(NamedTuple):
    """Where a room is. `serving`: places from 1 to it were called. `next_number`: so many were
    given out. `pool_size`: None while a draw's pool is open, and for a queue. `waiting`: tickets
    that were not called yet."""

    serving: int
    next_number: int
    pool_size: int | None
    is_over: bool
    digest: str | None = None
    waiting: int = 0


class RoomFigures(NamedTuple):
    """How it stands in a room: units that are waited for, called for, promised by a pass; and up to
    which place was called."""

    waiting: int
    called: int
    promised: int
    serving: int


class PlaceReport(NamedTuple):
    """What a room answers to one user. `place`: from 1; None in a draw's pool. `detail`: a moment
    in milliseconds, or an order id, as the verdict has it. `served_since`: moment and `serving` of
    up to a minute ago, for the pace. `at_ms`: now, by Redis."""

    verdict: RoomVerdict
    detail: str
    ticket: Ticket | None
    place: int | None
    room: RoomState
    served_since: tuple[int, int]
    at_ms: int

    @property
    def ahead(self) -> int | None:
        """At most so many are called before. None where nobody knows, and for who waits no more."""
        is_in_line = self.ticket is not None and self.ticket.state not in _AS_IT_IS
        if self.place is None or not is_in_line or self.room.is_over:
            return None
        return max(0, self.place - self.room.serving - 1)


class ShownTicketState(StrEnum):
    """The state of a ticket as its owner sees it."""

    POOL = "pool"
    WAITING = "waiting"
    CALLED = "called"
    USED = "used"
    LAPSED = "lapsed"
    LEFT = "left"
    OVER = "over"


class RoomPhase(StrEnum):
    CLOSED = "closed"
    POOLING = "pooling"
    SERVING = "serving"
    OVER = "over"


class DrawFacts(NamedTuple):
    """What is published of a draw, as far as it is shown by now."""

    seed_commitment: str | None = None
    seed: str | None = None
    digest: str | None = None
    beacon: str | None = None
    beacon_source: str | None = None


class Eta(NamedTuple):
    """Seconds until a place is called, at the pace of the last minute."""

    from_seconds: int
    to_seconds: int


_AS_IT_IS = {
    TicketState.USED: ShownTicketState.USED,
    TicketState.LAPSED: ShownTicketState.LAPSED,
    TicketState.LEFT: ShownTicketState.LEFT,
}
# How far off the pace of the last minute may be, either way.
SLOWEST, FASTEST = 2, 2


def shown_state(report: PlaceReport, admission: Admission) -> ShownTicketState:
    """Of a report with a ticket."""
    if report.ticket is None:
        raise ValueError("there is no ticket to show")
    state = report.ticket.state
    if state in _AS_IT_IS:
        return _AS_IT_IS[state]
    if report.room.is_over:
        return ShownTicketState.OVER
    if state is not TicketState.WAITING:
        return ShownTicketState.CALLED
    in_pool = admission is Admission.DRAW and report.place is None
    return ShownTicketState.POOL if in_pool else ShownTicketState.WAITING


def eta_of(report: PlaceReport, starts_at_ms: int, pace_per_minute: int) -> Eta | None:
    """None where nothing tells how fast it goes: nobody was called in the last minute."""
    if report.place is None:
        return None
    to_start = max(0, starts_at_ms - report.at_ms) / 1000
    ahead = report.place - report.room.serving
    if ahead <= 0:
        return Eta(0, 0)
    per_second = _pace(report)
    if not per_second:
        if not (pace_per_minute and to_start):
            return None
        per_second = pace_per_minute / 60
    most = pace_per_minute / 60 or per_second * FASTEST
    return Eta(
        int(to_start + ahead / max(most, per_second)),
        int(to_start + ahead * SLOWEST / per_second) + 1,
    )


def _pace(report: PlaceReport) -> float:
    """Places a second, of late."""
    since_ms, served = report.served_since
    if not 0 < since_ms < report.at_ms:
        return 0.0
    return max(0, report.room.serving - served) * 1000 / (report.at_ms - since_ms)
