"""What must be true of a room, judged by nothing but what the crowd saw.

The rules, in one place:
- A place is one account's, whatever it clicks, and it keeps its line; who came first stands before.
- Nobody is let in before his turn, and nobody whose turn it is is sent away.
- Bots get what chance gives to so many accounts.
- When the room is over, everybody who was in it has been told what became of him.
"""

import math

from domain.audit import Check
from domain.sale import Admission
from practice.rush.notes import Notes
from practice.rush.plan import RushPlan
from practice.rush.room_notes import Arrival, RoomNotes

# Once in ten thousand rushes chance alone is that kind to bots.
DEVIATIONS = 3.7
SHOWN = 3


def judge_room(notes: Notes, plan: RushPlan) -> tuple[Check, ...]:
    """Each rule with what breaks it."""
    room = notes.room
    winners = {order.user_id for order in notes.orders.values()}
    return (
        places_kept(room, plan.admission),
        turns_kept(room, winners),
        bots_no_better(room, winners),
        everybody_told(room),
    )


def overtaken(arrivals: list[Arrival]) -> int:
    """How many had their answer before another one asked, and stand behind him all the same."""
    answered = sorted(arrivals, key=lambda one: one.answered_at)
    wrong, at, highest = 0, 0, -1
    for one in sorted(arrivals, key=lambda one: one.asked_at):
        while at < len(answered) and answered[at].answered_at < one.asked_at:
            highest, at = max(highest, answered[at].index), at + 1
        wrong += one.index < highest
    return wrong


def places_kept(room: RoomNotes, admission: Admission) -> Check:
    arrivals = list(room.arrivals.values())
    shared = len(arrivals) - len({one.index for one in arrivals})
    places = [ticket.place for ticket in room.tickets.values() if ticket.place is not None]
    shared += len(places) - len(set(places))
    late = overtaken(arrivals)
    wrong = [*room.moved[:SHOWN]]
    if shared:
        wrong.append(f"{shared} places are two accounts'")
    if late:
        wrong.append(f"{late} stand before others who came first")
    order = "drawn by lot" if admission is Admission.DRAW else "in the order of coming"
    detail = "; ".join(wrong) or f"{len(arrivals)} accounts, a place each, {order}"
    return Check(code="R9", ok=not wrong, detail=detail)


def turns_kept(room: RoomNotes, winners: set[str]) -> Check:
    wrong = list(room.wrong_turns)
    wrong += [
        f"{one.user_id} was let in at {one.place} of {one.serving}"
        for one in room.let_in.values()
        if one.place is None or one.place > one.serving
    ]
    let_in_users = {one.user_id for one in room.let_in.values()}
    wrong += [f"{user} has an order and had no pass" for user in sorted(winners - let_in_users)]
    detail = f"{len(room.let_in)} were let in, none before his turn"
    if wrong:
        detail = "; ".join(wrong[:SHOWN]) + (
            f" and {len(wrong) - SHOWN} more" * (len(wrong) > SHOWN)
        )
    return Check(code="R10", ok=not wrong, detail=detail)


def bots_no_better(room: RoomNotes, winners: set[str]) -> Check:
    bots, accounts, won = len(room.bots), len(room.arrivals), len(winners)
    if not (bots and won):
        return Check(code="R11", ok=True, detail="no bots came, or nobody won")
    share, got = bots / accounts, len(winners & room.bots)
    # As many drawn from an urn without putting back.
    left = (accounts - won) / max(1, accounts - 1)
    most = won * share + DEVIATIONS * math.sqrt(won * share * (1 - share) * left)
    detail = f"{share:.0%} of the accounts are bots', and {got / won:.0%} of the units went to them"
    return Check(code="R11", ok=got <= most, detail=detail)


def everybody_told(room: RoomNotes) -> Check:
    missing = len(room.arrivals.keys() - room.ends.keys())
    counts = ", ".join(
        f"{count} {end.lower().replace('_', ' ')}" for end, count in room.counts().items()
    )
    detail = f"{'it is over' if room.is_over else 'it goes on'}: {counts}"
    if room.untold or missing:
        detail = f"{len(room.untold) + missing} were not told that it is over"
    return Check(code="R12", ok=not (room.untold or missing), detail=detail)
