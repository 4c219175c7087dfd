"""Identities that say where a thing belongs.

An order id is 26 characters of Crockford base32: 10 of time (milliseconds), 4 of the item's
number, 12 of chance. It sorts by time.
"""

import os
import secrets
import struct
from functools import lru_cache

# Without I, L, O and U: an id that is read out over the phone must come back the same.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TIME_LENGTH, ITEM_LENGTH, CHANCE_LENGTH = 10, 4, 12
# The item stands in the id so that any process, given an order nobody has written down yet, knows
# where in Redis to look for it: an order that is still queued is in no table.
ORDER_ID_LENGTH = TIME_LENGTH + ITEM_LENGTH + CHANCE_LENGTH
MAX_ITEM_NUMBER = 32**ITEM_LENGTH - 1
NAME_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
MAX_USER_ID_LENGTH = 128
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
# Chance is asked of the system for many ids together: each time is a call into the kernel.
DRAWN_AT_ONCE = 512
_drawn: list[int] = []
_number = struct.Struct(">Q")
# A forked process must not draw what its parent does.
os.register_at_fork(after_in_child=_drawn.clear)
_DIGITS = {character: value for value, character in enumerate(ALPHABET)}


def new_order_id(item_number: int, at_ms: int) -> str:
    """A fresh order id for the item with this number. Raises ValueError if it does not fit."""
    return _start_of_order_id(item_number, at_ms) + _encode(_chance(), CHANCE_LENGTH)


# Several clicks come in each millisecond of a sale's first seconds.
@lru_cache(maxsize=64)
def _start_of_order_id(item_number: int, at_ms: int) -> str:
    if not 0 < item_number <= MAX_ITEM_NUMBER:
        raise ValueError(f"item number out of range: {item_number}")
    return _encode(at_ms, TIME_LENGTH) + _encode(item_number, ITEM_LENGTH)


def new_sale_id(at_ms: int) -> str:
    """A fresh sale id, sorting by time."""
    return _encode(at_ms, TIME_LENGTH) + _encode(secrets.randbits(30), 6)


def is_order_id(text: str) -> bool:
    return len(text) == ORDER_ID_LENGTH and all(character in _DIGITS for character in text)


def is_user_id(text: str) -> bool:
    """Whether a buyer or operator can be called so."""
    return 0 < len(text) <= MAX_USER_ID_LENGTH and text.isprintable()


def item_number_of(order_id: str) -> int:
    """The number of the item an order is for. Raises ValueError for what is no order id."""
    if not is_order_id(order_id):
        raise ValueError("not an order id")
    return _decode(order_id[TIME_LENGTH : TIME_LENGTH + ITEM_LENGTH])


def created_at_ms(order_id: str) -> int:
    """Milliseconds since the epoch at which an order id was made."""
    if not is_order_id(order_id):
        raise ValueError("not an order id")
    return _decode(order_id[:TIME_LENGTH])


def workflow_id(order_id: str) -> str:
    return f"order-{order_id}"


def order_id_of_workflow(workflow_id: str) -> str:
    return workflow_id.removeprefix("order-")


def _chance() -> int:
    """60 bits: processes make ids without asking one another, and no two may ever meet."""
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            drawn = os.urandom(8 * DRAWN_AT_ONCE)
            _drawn.extend(
                number >> (64 - 5 * CHANCE_LENGTH) for (number,) in _number.iter_unpack(drawn)
            )


def _encode(value: int, length: int) -> str:
    """`length` must be even."""
    # Two characters at a time, because every click makes an id.
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(5 * (length - 2), -1, -10)])


def _decode(text: str) -> int:
    value = 0
    for character in text:
        value = value * 32 + _DIGITS[character]
    return value
