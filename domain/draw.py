"""The draw: who is called first is decided by a seed that was promised before anybody joined.

At publish the seed's hash is shown (the commitment). When the pool ends, its leaves in order have
one hash (the digest), and the seed is shown. Seed, digest and leaves decide every place, so anybody
can work it out again; docs/draw.md has the bytes, and `verifying` does it without this file.
"""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Iterable, Sequence

from pydantic import Field

from domain.model import Value

NONCE_BYTES = 16
LEAF_BYTES = 32
# What is hashed for a leaf is hashed for nothing else.
_LEAF_TAG = b"seckill-leaf-1"
_LENGTH = struct.Struct(">I")
_RANK = struct.Struct(">I")
_NOBODY = 0xFFFFFFFF
# An index that was lost with a Redis: numbers go on behind a gap, and its lines are empty.
HOLE = b""
_NO_LEAF = bytes(LEAF_BYTES)


class BrokenDraw(ValueError):
    """Seed and commitment, or a list and its digest, do not belong together."""


class CommittedSeed(Value):
    """A seed as it is kept. `beacon_source`: the public random value that will be mixed in, as it
    was named at publish; `beacon`: that value, once it is known."""

    # Not even in what is printed of it.
    seed: bytes = Field(repr=False)
    commitment: bytes
    beacon_source: str | None = None
    beacon: str | None = None

    @property
    def fits(self) -> bool:
        return hmac.compare_digest(commitment_of(self.seed), self.commitment)

    @property
    def waits_for_beacon(self) -> bool:
        return self.beacon_source is not None and self.beacon is None


def new_nonce() -> bytes:
    """Without it a leaf would tell who joined, to anybody who can guess a user id."""
    return secrets.token_bytes(NONCE_BYTES)


def commitment_of(seed: bytes) -> bytes:
    return hashlib.sha256(seed).digest()


def leaf_of(sale_id: str, sku_id: str, user_id: str, nonce: bytes) -> bytes:
    """The 32 bytes that stand for one ticket in the public list."""
    parts = (sale_id.encode(), sku_id.encode(), user_id.encode(), nonce)
    # Each with its length in front: two tickets can never be written with the same bytes.
    return hashlib.sha256(
        _LEAF_TAG + b"".join(_LENGTH.pack(len(part)) + part for part in parts)
    ).digest()


def digest_of(leaves: Iterable[bytes]) -> bytes:
    """The one hash of a whole list, to which holes add nothing. Raises BrokenDraw for a leaf that
    is none."""
    digest = hashlib.sha256()
    for leaf in leaves:
        # Of any other length, two lists could be cut differently out of the same bytes.
        if len(leaf) not in (LEAF_BYTES, len(HOLE)):
            raise BrokenDraw(f"a leaf has {len(leaf)} bytes")
        digest.update(leaf)
    return digest.digest()


def places(seed: bytes, digest: bytes, beacon: bytes, leaves: Sequence[bytes]) -> list[int | None]:
    """The place of each leaf by its index, 1 for who is called first, None for a hole. 100,000 take
    about 0.35 s of a processor, so not on the loop. Raises BrokenDraw if the digest is not the
    leaves'."""
    if digest_of(leaves) != digest:
        raise BrokenDraw("the digest is not the list's")
    # A key of its own for each list: who knows the seed still needs everybody's leaves.
    key = hmac.digest(seed, digest + beacon, "sha256")
    indexes = [index for index, leaf in enumerate(leaves) if leaf]
    lots = {index: hmac.digest(key, leaves[index], "sha256") for index in indexes}
    drawn: list[int | None] = [None] * len(leaves)
    # Sorting keeps the order of what is equal, so a tie goes to who joined first.
    for place, index in enumerate(sorted(indexes, key=lots.__getitem__), start=1):
        drawn[index] = place
    return drawn


class Drawn(Value):
    """A draw's outcome: its list and its places by index, each in one piece."""

    pool_size: int
    digest: bytes
    leaves: bytes = Field(repr=False)
    places: bytes = Field(repr=False)


def draw(seed: CommittedSeed, leaves: Sequence[bytes]) -> Drawn:
    """Raises BrokenDraw for a seed that does not fit, and for a leaf that is none."""
    if not seed.fits:
        raise BrokenDraw("the seed is not the one that was committed to")
    digest = digest_of(leaves)
    drawn = places(seed.seed, digest, (seed.beacon or "").encode(), leaves)
    return Drawn(
        pool_size=len(leaves),
        digest=digest,
        leaves=b"".join(leaf or _NO_LEAF for leaf in leaves),
        places=packed(drawn),
    )


def leaves_in(in_one_piece: bytes) -> list[bytes]:
    """By index, of `Drawn.leaves`."""
    parts = [in_one_piece[at : at + LEAF_BYTES] for at in range(0, len(in_one_piece), LEAF_BYTES)]
    return [HOLE if part == _NO_LEAF else part for part in parts]


def places_in(in_one_piece: bytes) -> list[int | None]:
    """By index, of `Drawn.places`."""
    ranks = (rank for (rank,) in _RANK.iter_unpack(in_one_piece))
    return [None if rank == _NOBODY else rank + 1 for rank in ranks]


def packed(drawn: Iterable[int | None]) -> bytes:
    """As the gate reads them: four bytes for each index, of the rank from 0."""
    return b"".join(_RANK.pack(_NOBODY if place is None else place - 1) for place in drawn)
