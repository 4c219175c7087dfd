"""How `lua/tickets.lua` writes tickets and reports down, read and written from Python."""

from collections.abc import Mapping, Sequence

from domain.room import (
    NO_ORDER,
    ChangedTicket,
    PlaceReport,
    RoomState,
    RoomVerdict,
    Ticket,
    TicketChange,
    TicketState,
)

NO_POOL = -1
# What a room itself tells its stream of joins, of no ticket.
OVER = "over"


def parse_ticket(user_id: str, line: str) -> Ticket:
    state, *numbers, order_id, expires_at_ms, leaf, nonce = line.split(" ")
    version, index, number, units, lapses, at_ms = map(int, numbers)
    return Ticket(
        user_id=user_id,
        state=TicketState(state),
        version=version,
        index=index,
        number=number,
        units=units,
        lapses=lapses,
        at_ms=at_ms,
        order_id="" if order_id == NO_ORDER else order_id,
        expires_at_ms=int(expires_at_ms),
        leaf=leaf,
        nonce=nonce,
    )


def leaf_in(line: str) -> tuple[int, bytes]:
    """Index and leaf alone: of a hundred thousand nobody needs the rest."""
    _, _, index, *_, leaf, _ = line.split(" ")
    return int(index), bytes.fromhex(leaf)


def ticket_line(ticket: Ticket) -> str:
    return (
        f"{ticket.state.value} {ticket.version} {ticket.index} {ticket.number} {ticket.units} "
        f"{ticket.lapses} {ticket.at_ms} {ticket.order_id or NO_ORDER} {ticket.expires_at_ms} "
        f"{ticket.leaf} {ticket.nonce}"
    )


def change_from(fields: Mapping[str, str]) -> ChangedTicket:
    """From the fields of a stream's entry. Raises LookupError or ValueError for what is none."""
    ticket = parse_ticket(fields["user"], fields["ticket"])
    return ChangedTicket(ticket, TicketChange(fields["what"]), int(fields["at_ms"]))


def tells_over(fields: Mapping[str, str]) -> bool:
    """Whether an entry says that the room is over, instead of what became of a ticket."""
    return fields.get("what") == OVER


def report_from(user_id: str, parts: Sequence[str]) -> PlaceReport:
    verdict, detail, line, *numbers = parts
    place, serving, following, pool_size, over, since_ms, served, at_ms = map(int, numbers)
    return PlaceReport(
        verdict=RoomVerdict(verdict),
        detail=detail,
        ticket=parse_ticket(user_id, line) if line else None,
        place=place or None,
        room=RoomState(
            serving=serving,
            next_number=following,
            pool_size=None if pool_size == NO_POOL else pool_size,
            is_over=bool(over),
        ),
        served_since=(since_ms, served),
        at_ms=at_ms,
    )
