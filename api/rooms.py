"""Rooms as buyers meet them: a place, a call, a pass, and what everybody may see."""

import math
import time
from datetime import UTC, datetime
from typing import NoReturn, Protocol

from api.auth import Caller
from api.sales import ShownSales
from api.schemas.rooms import (
    EntryView,
    PlaceView,
    RoomTicketView,
    RoomView,
    entry_view,
    room_ticket_view,
    room_view,
)
from api.seals import Pass, Seals
from api.streams.room_feed import SeenRoom
from domain.draw import leaf_of, new_nonce
from domain.errors import ErrorCode, Refusal
from domain.ids import new_order_id
from domain.room import (
    DrawFacts,
    PlaceReport,
    RoomPhase,
    RoomState,
    RoomVerdict,
    TicketState,
    eta_of,
)
from domain.sale import ItemRef, ItemTerms
from infra.redis.room_gate import RoomGate, RoomUnknown
from infra.redis.stock_gate import StockGate
from infra.single_flight import SingleFlight

MAX_REMEMBERED = 10_000
FETCH_FIRST = "fetch your entry token first"
NOT_OPENED = RoomState(serving=0, next_number=0, pool_size=None, is_over=False)


class Draws(Protocol):
    """What is published of each item's draw."""

    async def facts(self, item: ItemRef) -> DrawFacts: ...


class Rooms:
    def __init__(
        self, gate: StockGate, rooms: RoomGate, sales: ShownSales, seals: Seals, draws: Draws
    ) -> None:
        self._gate = gate
        self._rooms = rooms
        self._sales = sales
        self._draws = draws
        self.seals = seals
        self._states: SingleFlight[ItemRef, RoomState] = SingleFlight(MAX_REMEMBERED)
        # Who clicks all the time is told what he was told a moment ago.
        self._places: SingleFlight[tuple[ItemRef, str], PlaceReport] = SingleFlight(MAX_REMEMBERED)

    async def join(
        self, item: ItemRef, caller: Caller, units: int, sealed: str | None
    ) -> RoomTicketView:
        """The caller's only ticket. `sealed`: one he has already, should it be lost here. Raises
        Refusal."""
        terms = await self._terms(item, caller)
        nonce = new_nonce()
        leaf = leaf_of(item.sale_id, item.sku_id, caller.user_id, nonce)
        known = self.seals.read_ticket(sealed, item, caller.user_id) if sealed else None
        try:
            if known is not None:
                await self._rooms.let_in_again(item, known)
            report = await self._rooms.join(item, caller.user_id, units, leaf=leaf, nonce=nonce)
        except RoomUnknown as error:
            raise Refusal(ErrorCode.UNAVAILABLE, "the room is being put in order again") from error
        self._places.forget((item, caller.user_id))
        return self._ticket(report, terms)

    async def leave(self, item: ItemRef, caller: Caller) -> RoomTicketView:
        """The ticket, given up. Raises Refusal."""
        terms = await self._terms(item, caller)
        report = await self._rooms.leave(item, caller.user_id)
        self._places.forget((item, caller.user_id))
        return self._ticket(report, terms)

    async def enter(self, item: ItemRef, caller: Caller) -> EntryView:
        """The caller's pass, once he is called. Raises Refusal."""
        terms = await self._terms(item, caller)
        fresh = new_order_id(terms.item_number, time.time_ns() // 1_000_000)
        report = await self._rooms.enter(item, caller.user_id, fresh)
        if report.verdict is not RoomVerdict.PASS or report.ticket is None:
            refuse(report, terms)
        given = Pass(report.ticket.order_id, report.ticket.units)
        return entry_view(report.ticket, self.seals.pass_text(item, caller.user_id, given))

    async def state(self, item: ItemRef) -> RoomView:
        """What everybody may see, at most a second old. Raises Refusal NOT_FOUND."""
        terms = await self._gate.terms(item)
        sale = await self._sales.sale(item.sale_id)
        sold = sale.item(item.sku_id) if sale else None
        if terms is None or sold is None:
            raise _unknown()

        async def read() -> RoomState:
            return await self._rooms.state(item) or NOT_OPENED

        # Whoever waits in a queue can do without Postgres.
        facts = await self._draws.facts(item) if terms.drawn else DrawFacts()
        state = await self._states.get(item, read)
        return room_view(terms, state, facts, units=sold.total, now=datetime.now(UTC))

    async def seen(self, item: ItemRef) -> SeenRoom:
        """The same, with whether it stays so. Raises Refusal NOT_FOUND."""
        view = await self.state(item)
        is_over = view.state is RoomPhase.OVER
        return SeenRoom(view, is_over and await self._sales.ended_at(item) is not None)

    async def place(self, item: ItemRef, report: PlaceReport) -> PlaceView | None:
        """Of a report with a ticket, what its owner is told; None for an unknown item."""
        terms = await self._gate.terms(item)
        if terms is None:
            return None
        ticket = self._ticket(report, terms)
        return PlaceView(sale_id=item.sale_id, sku_id=item.sku_id, **dict(ticket))

    async def refuse_click(self, item: ItemRef, caller: Caller, terms: ItemTerms) -> NoReturn:
        """Of who has no pass where one is needed. Raises Refusal: NOT_YOUR_TURN, or
        ENTRY_TOKEN_INVALID for who has no place to wait in, or was called already."""
        report = await self._place(item, caller)
        waits = report.ticket and report.ticket.state is TicketState.WAITING
        if not waits or (report.place or math.inf) <= report.room.serving:
            detail = "join the room first" if report.ticket is None else FETCH_FIRST
            raise Refusal(ErrorCode.ENTRY_TOKEN_INVALID, detail)
        raise _not_your_turn(report, terms)

    async def refuse_called(self, item: ItemRef, caller: Caller) -> None:
        """Of who was told that all is sold: raises Refusal ENTRY_TOKEN_INVALID where a unit is kept
        for him, and he clicks without his pass."""
        ticket = (await self._place(item, caller)).ticket
        if ticket and ticket.state in (TicketState.CALLED, TicketState.FETCHED):
            raise Refusal(ErrorCode.ENTRY_TOKEN_INVALID, FETCH_FIRST)

    async def _place(self, item: ItemRef, caller: Caller) -> PlaceReport:
        """At most a second old."""
        key = (item, caller.user_id)
        return await self._places.get(key, lambda: self._rooms.look(item, caller.user_id))

    async def _terms(self, item: ItemRef, caller: Caller) -> ItemTerms:
        terms = await self._gate.terms(item)
        if terms is None:
            raise _unknown()
        refuse_without_claim(terms, caller)
        return terms

    def _ticket(self, report: PlaceReport, terms: ItemTerms) -> RoomTicketView:
        if report.verdict is not RoomVerdict.TICKET or report.ticket is None:
            refuse(report, terms)
        return room_ticket_view(report, terms, self.seals.ticket_text(terms.ref, report.ticket))


def refuse_without_claim(terms: ItemTerms, caller: Caller) -> None:
    """Raises Refusal FORBIDDEN where the sale asks for what the caller's token does not claim."""
    if terms.requires_claim and terms.requires_claim not in caller.claims:
        raise Refusal(ErrorCode.FORBIDDEN, f"the token has to claim {terms.requires_claim}")


def refuse(report: PlaceReport, terms: ItemTerms) -> NoReturn:
    """Raises the Refusal that a verdict means."""
    match report.verdict:
        case RoomVerdict.NOT_STARTED:
            raise Refusal(ErrorCode.NOT_STARTED, starts_at=moment_of(int(report.detail)))
        case RoomVerdict.ENDED:
            raise Refusal(ErrorCode.ENDED, ends_at=moment_of(int(report.detail)))
        case RoomVerdict.PAUSED:
            raise Refusal(ErrorCode.PAUSED)
        case RoomVerdict.LIMIT_REACHED:
            raise Refusal(ErrorCode.LIMIT_REACHED, order_id=report.detail or None)
        case RoomVerdict.OVER:
            raise Refusal(ErrorCode.ROOM_OVER)
        case RoomVerdict.LAPSED:
            raise Refusal(ErrorCode.ROOM_OVER, "the place has lapsed twice")
        case RoomVerdict.NOT_YOUR_TURN:
            raise _not_your_turn(report, terms)
        case RoomVerdict.FREE:
            raise Refusal(ErrorCode.INVALID_STATE, "there are units left: order one")
        case RoomVerdict.USED:
            raise Refusal(ErrorCode.INVALID_STATE, "the place has become an order: cancel that")
        case _:
            raise Refusal(ErrorCode.NOT_FOUND, "there is no such place")


def moment_of(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _not_your_turn(report: PlaceReport, terms: ItemTerms) -> Refusal:
    eta = eta_of(report, terms.starts_at_ms, terms.pace_per_minute)
    return Refusal(
        ErrorCode.NOT_YOUR_TURN,
        place=report.place,
        serving=report.room.serving,
        eta_seconds=eta and {"from": eta.from_seconds, "to": eta.to_seconds},
    )


def _unknown() -> Refusal:
    return Refusal(ErrorCode.NOT_FOUND, "no such item on sale")
