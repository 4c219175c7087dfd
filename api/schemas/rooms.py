"""The room of an item, as everybody and as one buyer sees it."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field

from api.schemas.model import Body, View, such_as
from domain.room import (
    DrawFacts,
    Eta,
    PlaceReport,
    RoomPhase,
    RoomState,
    ShownTicketState,
    Ticket,
    TicketState,
    eta_of,
    shown_state,
)
from domain.sale import Admission, ItemTerms

MAX_UNITS = 1000
MAX_TICKET_LENGTH = 2048


class JoinBody(Body):
    model_config = such_as(quantity=1)

    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_UNITS)] = 1
    ticket: Annotated[str, Field(max_length=MAX_TICKET_LENGTH)] | None = Field(
        default=None, description="the caller's own, where he has one: it holds its place if lost"
    )


class EtaView(View):
    """Seconds."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    from_: int = Field(alias="from")
    to: int


class RoomTicketView(View):
    ticket: str = Field(description="signed; holds sale, sku, user, index, leaf and its nonce")
    mode: Admission
    state: ShownTicketState
    index: int = Field(description="line of the list of leaves, from 0")
    leaf: str
    place: int | None = Field(description="from 1; null in a draw's pool")
    serving: int = Field(description="places up to this one were called")
    ahead: int | None = Field(
        description="called before at most; null in a draw's pool, and for who waits no more"
    )
    eta_seconds: EtaView | None
    expires_at: AwareDatetime | None = Field(description="of the entry token")


class PlaceView(RoomTicketView):
    """A ticket among all of its owner's."""

    sale_id: str
    sku_id: str


class RoomView(View):
    mode: Admission
    state: RoomPhase
    serving: int
    drawn: int = Field(description="places given out so far")
    waiting: int
    units: int
    opens_at: AwareDatetime
    server_time: AwareDatetime
    seed_commitment: str | None
    seed: str | None
    pool_size: int | None
    digest: str | None
    beacon: str | None
    beacon_source: str | None


class EntryView(View):
    token: str = Field(description="for `X-Entry-Token`")
    order_id: str
    expires_at: AwareDatetime
    quantity: int = Field(description="units it is good for")


def entry_view(ticket: Ticket, token: str) -> EntryView:
    return EntryView(
        token=token,
        order_id=ticket.order_id,
        expires_at=_moment(ticket.expires_at_ms),
        quantity=ticket.units,
    )


def room_ticket_view(report: PlaceReport, terms: ItemTerms, sealed: str) -> RoomTicketView:
    """Of a report with a ticket, which `sealed` is."""
    ticket = report.ticket
    if ticket is None:
        raise ValueError("there is no ticket to show")
    has_pass = ticket.state is TicketState.FETCHED
    waits = ticket.state is TicketState.WAITING
    eta = eta_of(report, terms.starts_at_ms, terms.pace_per_minute) if waits else None
    return RoomTicketView(
        ticket=sealed,
        mode=terms.admission,
        state=shown_state(report, terms.admission),
        index=ticket.index,
        leaf=ticket.leaf,
        place=report.place,
        serving=report.room.serving,
        ahead=report.ahead,
        eta_seconds=eta and eta_view(eta),
        expires_at=_moment(ticket.expires_at_ms) if has_pass else None,
    )


def room_view(
    terms: ItemTerms, state: RoomState, facts: DrawFacts, *, units: int, now: datetime
) -> RoomView:
    pool_has_ended = state.pool_size is not None
    return RoomView(
        mode=terms.admission,
        state=_phase(terms, state, now),
        serving=state.serving,
        drawn=state.next_number,
        waiting=state.waiting,
        units=units,
        opens_at=_moment(terms.room_opens_at_ms or terms.starts_at_ms),
        server_time=now,
        seed_commitment=facts.seed_commitment,
        seed=facts.seed if pool_has_ended else None,
        pool_size=state.pool_size,
        digest=facts.digest if pool_has_ended else None,
        beacon=facts.beacon,
        beacon_source=facts.beacon_source,
    )


def eta_view(eta: Eta) -> EtaView:
    return EtaView(from_=eta.from_seconds, to=eta.to_seconds)


def _phase(terms: ItemTerms, state: RoomState, now: datetime) -> RoomPhase:
    if state.is_over or now >= _moment(terms.ends_at_ms):
        return RoomPhase.OVER
    if now < _moment(terms.room_opens_at_ms or terms.starts_at_ms):
        return RoomPhase.CLOSED
    is_drawn = terms.admission is not Admission.DRAW or state.digest is not None
    return RoomPhase.SERVING if is_drawn else RoomPhase.POOLING


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
