"""A draw worked out again from what was published about it."""

import base64
import binascii
import json
import string
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

_BLOCK = 64
_HASH = 32
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
SHOWN_OF_A_KIND = 5


class Unreadable(Exception):
    """What was published, or given, is not of the form that docs/draw.md describes."""


@dataclass(frozen=True)
class Published:
    """`leaves` line by line, without one where a line is empty; `places` beside them if they were
    given. `noted_commitment` is what the reader himself wrote down before the pool ended."""

    commitment: bytes
    seed: bytes
    beacon: bytes
    digest: bytes
    pool_size: int
    leaves: tuple[bytes | None, ...]
    places: tuple[int | None, ...] | None = None
    noted_commitment: bytes | None = None


def recomputed_places(published: Published) -> list[int | None]:
    """The place of the leaf in each line, 1 for who is called first."""
    key = _hmac(published.seed, _hash_of_list(published) + published.beacon)
    lots = [(_hmac(key, leaf), line) for line, leaf in enumerate(published.leaves) if leaf]
    place_of = {line: place for place, (_, line) in enumerate(sorted(lots), start=1)}
    return [place_of.get(line) for line in range(len(published.leaves))]


def faults_of(published: Published) -> list[str]:
    """What does not fit, in words; nothing if every place is as the seed and the list say."""
    faults = []
    if sha256(published.seed).digest() != published.commitment:
        faults.append("the seed is not the one the commitment was made for")
    if published.noted_commitment not in (None, published.commitment):
        faults.append("the commitment is not the one noted before")
    if _hash_of_list(published) != published.digest:
        faults.append("the digest is not the list's: a leaf was changed, moved, added or left out")
    if len(published.leaves) != published.pool_size:
        faults.append(f"the list has {len(published.leaves)} lines, not {published.pool_size}")
    leaves = [leaf for leaf in published.leaves if leaf]
    if len(set(leaves)) != len(leaves):
        faults.append("a leaf is in the list twice")
    if published.places is not None:
        faults += _wrong_places(published, published.places)
    return faults


def line_of(published: Published, leaf: bytes) -> int | None:
    """Where in the list the leaf stands, from 0; None if it is not in it."""
    return published.leaves.index(leaf) if leaf in published.leaves else None


def leaf_of(sale: str, sku: str, user: str, nonce: bytes) -> bytes:
    """The leaf of a ticket with these members."""
    hashed = sha256(b"seckill-leaf-1")
    for part in (sale.encode(), sku.encode(), user.encode(), nonce):
        hashed.update(len(part).to_bytes(4, "big") + part)
    return hashed.digest()


def leaf_in(ticket: str, sale: str, sku: str) -> bytes:
    """The leaf of a ticket for this item as its buyer holds it, or of the leaf's own 64 digits.
    Raises Unreadable."""
    if len(ticket) == 2 * _HASH:
        return hash_in(ticket)
    for part in ticket.split("."):
        # Whichever part is the payload: a signature is none of the checker's business.
        said = _json_in(part)
        if isinstance(said, dict) and {"sale", "sku", "user", "nonce"} <= said.keys():
            if (said["sale"], said["sku"]) != (sale, sku):
                raise Unreadable(f"the ticket is for {said['sale']} {said['sku']}")
            return leaf_of(sale, sku, str(said["user"]), _bytes_in(str(said["nonce"])))
    raise Unreadable("this is no ticket, and no leaf of 64 hexadecimal digits")


def hash_in(text: str) -> bytes:
    """32 bytes of 64 hexadecimal digits. Raises Unreadable."""
    if len(text) != 2 * _HASH:
        raise Unreadable(f"not {2 * _HASH} hexadecimal digits: {text[:80]!r}")
    return _bytes_in(text)


def _bytes_in(text: str) -> bytes:
    # Python would also read digits with blanks between them.
    if set(text) - set(string.hexdigits) or len(text) % 2:
        raise Unreadable(f"not hexadecimal digits: {text[:80]!r}")
    return bytes.fromhex(text)


def _hash_of_list(published: Published) -> bytes:
    return sha256(b"".join(leaf for leaf in published.leaves if leaf)).digest()


def _wrong_places(published: Published, places: tuple[int | None, ...]) -> list[str]:
    if len(places) != len(published.leaves):
        return [f"{len(places)} places are listed for {len(published.leaves)} lines"]
    right = recomputed_places(published)
    wrong = [
        f"line {line} has place {given or 'none'}, and should have {due or 'none'}"
        for line, (given, due) in enumerate(zip(places, right, strict=True), start=1)
        if given != due
    ]
    more = len(wrong) - SHOWN_OF_A_KIND
    return wrong[:SHOWN_OF_A_KIND] + ([f"and {more} more places are wrong"] if more > 0 else [])


def _hmac(key: bytes, message: bytes) -> bytes:
    """RFC 2104 over SHA-256, written out: not even the library's own is what the server calls."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    inner = sha256(key.translate(_INNER) + message).digest()
    return sha256(key.translate(_OUTER) + inner).digest()


def _json_in(part: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return None
