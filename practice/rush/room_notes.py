"""What a crowd notes about a room: who has which place, who was let in, what became of all."""

from collections import Counter
from dataclasses import dataclass, field

from practice.rush.views import SeenTicket

# What became of somebody, beside the states of a ticket.
ORDERED, GONE, REFUSED = "ordered", "left", "refused"


@dataclass(slots=True)
class Arrival:
    """Seconds by a clock of our own: when the first join was asked for, and answered."""

    asked_at: float
    answered_at: float
    index: int


@dataclass(slots=True)
class LetIn:
    """A pass: for the ticket at this place, when so many had been called."""

    user_id: str
    place: int | None
    serving: int


@dataclass(slots=True)
class RoomNotes:
    """`ends`: what became of each user. `wrong_turns`: who was called and sent away, or served
    without a call; `moved`: whose place changed without his doing; `untold`: who was left waiting
    in a room that is over. `is_over`: by the last look at the room."""

    arrivals: dict[str, Arrival] = field(default_factory=dict)
    tickets: dict[str, SeenTicket] = field(default_factory=dict)
    let_in: dict[str, LetIn] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    bots: set[str] = field(default_factory=set)
    joins: int = 0
    wrong_turns: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    is_over: bool = False

    def saw(self, user_id: str, ticket: SeenTicket, asked_at: float, answered_at: float) -> None:
        """A ticket, as an answer has it."""
        known = self.tickets.get(user_id)
        if known is None:
            self.arrivals[user_id] = Arrival(asked_at, answered_at, ticket.index)
        elif (known.index, known.leaf) != (ticket.index, ticket.leaf):
            self.moved.append(f"{user_id} had line {known.index}, and then {ticket.index}")
        elif known.place is not None and ticket.place != known.place:
            self.moved.append(f"{user_id} had place {known.place}, and then {ticket.place}")
        self.tickets[user_id] = ticket

    def may_move(self, user_id: str) -> None:
        """His pass lapses: he goes to the end, once."""
        ticket = self.tickets[user_id]
        self.tickets[user_id] = ticket.model_copy(update={"place": None})

    def counts(self) -> dict[str, int]:
        """What became of how many."""
        return dict(Counter(self.ends.values()).most_common())
