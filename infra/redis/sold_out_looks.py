"""What one look at an item tells whoever answers "sold out" from memory."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple, cast

_TERMS = ("stock", "starts_at_ms", "ends_at_ms", "per_user_limit", "paused")
# What its room keeps from who only clicks; an item without one has none of these.
_ROOM = ("promised", "called", "waiting", "for_clicks", "tickets")
ASKED = (*_TERMS, *_ROOM)


class Look(NamedTuple):
    """`free`: units that a click could take. `waiting`: tickets in the item's room, None where
    there is none. `users`: None where they were not read. `called`: who has a unit kept for him."""

    is_open: bool
    free: int
    waiting: int | None
    limit: int
    buyers: int
    requests: int
    users: frozenset[str] | None
    called: frozenset[str] = frozenset()


def look_from(
    clock: list[int],
    terms: list[str | None],
    buyers: int,
    requests: int,
    users: frozenset[str] | None,
    stands_seconds: float,
) -> Look:
    """`clock`: Redis' TIME. `stands_seconds`: for how long the look will be believed."""
    if None in terms[:4]:
        return Look(False, 0, None, 0, buyers, requests, users)
    stock, starts_at, ends_at, limit = (int(cast(str, one)) for one in terms[:4])
    now_ms = int(clock[0]) * 1000 + int(clock[1]) // 1000
    # Open until the lease is over, or it would say "sold out" where it has to be "ended".
    last_ms = now_ms + int(stands_seconds * 1000)
    is_open = terms[4] != "1" and starts_at <= now_ms and last_ms < ends_at
    promised, called, queued, for_clicks, tickets = terms[5:]
    # As `reserve.lua` counts it.
    unpromised = stock - int(promised or 0) - int(called or 0)
    free = max(unpromised - int(queued or 0), min(int(for_clicks or 0), unpromised))
    waiting = None if tickets is None else int(tickets)
    return Look(is_open, free, waiting, limit, buyers, requests, users)


def users_of(buyers: Iterable[str], requests: Iterable[str]) -> frozenset[str]:
    return frozenset(itertools.chain(buyers, map(_user_of_request, requests)))


def _user_of_request(field: str) -> str:
    """As `reserve.lua` writes it, or the release before it: `<bytes>:<user><key>`."""
    if field.startswith("u"):
        return field[1:]
    length, _, rest = field.partition(":")
    return rest.encode()[: int(length)].decode(errors="replace") if length.isdigit() else field
