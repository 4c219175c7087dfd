"""Tickets of a room, and what becomes of them, without a room."""

from typing import Any

from domain.room import ChangedTicket, Ticket, TicketChange, TicketState


def ticket(user_id: str, index: int, **members: Any) -> Ticket:
    return Ticket(
        **{
            "user_id": user_id, "state": TicketState.WAITING, "version": 1, "index": index,
            "number": index, "units": 1, "lapses": 0, "at_ms": 1000, "order_id": "",
            "expires_at_ms": 0, "leaf": f"{index:064x}", "nonce": f"{index:032x}", **members,
        }
    )  # fmt: skip


def joined(one: Ticket) -> ChangedTicket:
    return ChangedTicket(one, TicketChange.JOINED, 1000)


def called(one: Ticket) -> ChangedTicket:
    later = one.model_copy(update={"state": TicketState.CALLED, "version": one.version + 1})
    return ChangedTicket(later, TicketChange.CALLED, 2000)
