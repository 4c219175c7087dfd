"""Tickets and passes as their owners carry them: readable, and sealed by us.

A seal keeps what nobody was given from Redis; whether a pass is still good is decided there.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

from domain.errors import ErrorCode, Refusal
from domain.ids import is_order_id
from domain.room import Ticket, TicketState
from domain.sale import ItemRef

MAX_SEALED_LENGTH = 2048
# Half of a SHA-256: nobody has so many tries.
SEAL_BYTES = 16


class Pass(NamedTuple):
    """`order_id`: what it becomes. `units`: at most so many."""

    order_id: str
    units: int


class Seals:
    """`secret`: the same for all processes; empty where this installation has none."""

    def __init__(self, secret: str) -> None:
        # Not the key of the bearer tokens, though it may come of the same secret.
        self._key = hmac.digest(secret.encode(), b"seckill-seals-1", "sha256") if secret else b""

    def pass_text(self, item: ItemRef, user_id: str, given: Pass) -> str:
        """Raises Refusal UNAVAILABLE without a secret."""
        text = f"{given.order_id}.{given.units}"
        return f"{text}.{self._seal('pass', item, user_id, text)}"

    def read_pass(self, text: str, item: ItemRef, user_id: str) -> Pass:
        """Raises Refusal ENTRY_TOKEN_INVALID for what is not this user's for this item."""
        said, _, seal = text.rpartition(".")
        order_id, _, units = said.partition(".")
        # Only what we write ourselves has our seal, so only that is a number.
        if not (len(text) <= MAX_SEALED_LENGTH and text.isascii() and is_order_id(order_id)):
            raise Refusal(ErrorCode.ENTRY_TOKEN_INVALID)
        if not hmac.compare_digest(seal, self._seal("pass", item, user_id, said)):
            raise Refusal(ErrorCode.ENTRY_TOKEN_INVALID)
        return Pass(order_id, int(units))

    def ticket_text(self, item: ItemRef, ticket: Ticket) -> str:
        """Raises Refusal UNAVAILABLE without a secret."""
        members = {
            "sale": item.sale_id,
            "sku": item.sku_id,
            "user": ticket.user_id,
            "index": ticket.index,
            "nonce": ticket.nonce,
            "leaf": ticket.leaf,
            "number": ticket.number,
            "units": ticket.units,
            "lapses": ticket.lapses,
        }
        text = urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")
        return f"{text}.{self._seal('ticket', item, ticket.user_id, text)}"

    def read_ticket(self, text: str, item: ItemRef, user_id: str) -> Ticket | None:
        """As one that waits; None for what is not this user's for this item."""
        said, _, seal = text.rpartition(".")
        if len(text) > MAX_SEALED_LENGTH or not text.isascii():
            return None
        if not hmac.compare_digest(seal, self._seal("ticket", item, user_id, said)):
            return None
        members: dict[str, Any] = json.loads(urlsafe_b64decode(said + "=="))
        return Ticket(
            user_id=user_id,
            state=TicketState.WAITING,
            # Whatever became of it, a row would tell more.
            version=1,
            at_ms=0,
            order_id="",
            expires_at_ms=0,
            **{name: members[name] for name in _OF_A_TICKET},
        )

    def _seal(self, kind: str, item: ItemRef, user_id: str, text: str) -> str:
        if not self._key:
            raise Refusal(ErrorCode.UNAVAILABLE, "rooms need SECKILL_ROOM_SECRET")
        # A user's name may hold anything, and so stands last.
        parts = "\n".join((kind, item.sale_id, item.sku_id, text, user_id))
        sealed = hmac.digest(self._key, parts.encode(), "sha256")[:SEAL_BYTES]
        return urlsafe_b64encode(sealed).decode().rstrip("=")


_OF_A_TICKET = ("index", "nonce", "leaf", "number", "units", "lapses")
