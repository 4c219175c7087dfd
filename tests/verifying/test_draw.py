import base64
import dataclasses
import json

import pytest

from tests.support.published_draw import (
    BEACON,
    LEAVES,
    NONCES,
    PLACES,
    PLACES_WITH_BEACON,
    PUBLISHED,
    USERS,
)
from verifying.draw import (
    Published,
    Unreadable,
    faults_of,
    leaf_in,
    leaf_of,
    line_of,
    recomputed_places,
)


def changed(**members: object) -> list[str]:
    return faults_of(dataclasses.replace(PUBLISHED, **members))  # type: ignore[arg-type]


def test_the_vectors_of_the_docs_are_what_comes_out() -> None:
    assert [leaf_of("sale-1", "mug", *who) for who in zip(USERS, NONCES, strict=True)] == list(
        LEAVES
    )
    assert recomputed_places(PUBLISHED) == list(PLACES)
    assert (
        tuple(recomputed_places(dataclasses.replace(PUBLISHED, beacon=BEACON.encode())))
        == PLACES_WITH_BEACON
    )
    assert faults_of(PUBLISHED) == []


def test_numbers_that_were_lost_leave_empty_lines_and_no_gap_among_places() -> None:
    leaves = (LEAVES[0], None, *LEAVES[1:])

    assert changed(leaves=leaves, places=(PLACES[0], None, *PLACES[1:]), pool_size=6) == []


def test_an_empty_pool_is_a_draw_too() -> None:
    assert changed(leaves=(), places=(), pool_size=0, digest=DIGEST_OF_NOTHING) == []


DIGEST_OF_NOTHING = bytes.fromhex(
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)
OTHER = bytes(32)


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"seed": OTHER}, "the seed is not"),
        ({"commitment": OTHER}, "the seed is not"),
        ({"noted_commitment": OTHER}, "noted before"),
        ({"digest": OTHER}, "the digest is not"),
        ({"leaves": (OTHER, *LEAVES[1:])}, "the digest is not"),
        ({"leaves": (LEAVES[1], LEAVES[0], *LEAVES[2:])}, "the digest is not"),
        ({"leaves": LEAVES[1:], "places": PLACES[1:], "pool_size": 4}, "the digest is not"),
        ({"leaves": (*LEAVES, OTHER), "places": (*PLACES, 6)}, "has 6 lines, not 5"),
        ({"leaves": (*LEAVES[:4], LEAVES[0])}, "twice"),
        ({"places": (1, *PLACES[1:])}, "line 1 has place 1, and should have 4"),
        ({"places": PLACES[1:]}, "4 places are listed for 5 lines"),
        ({"leaves": (None, *LEAVES), "places": (None, *PLACES)}, "has 6 lines, not 5"),
        ({"leaves": (None, *LEAVES[1:])}, "line 1 has place 4, and should have none"),
        ({"places": (None, *PLACES[1:])}, "line 1 has place none, and should have 4"),
        ({"beacon": b"another round"}, "has place"),
    ],
)
def test_whatever_was_changed_is_found(members: dict[str, object], word: str) -> None:
    assert word in "; ".join(changed(**members))


def test_of_many_wrong_places_the_first_are_named_and_the_rest_counted() -> None:
    leaves = tuple(leaf_of("sale-1", "mug", str(number), b"") for number in range(20))
    many = Published(
        commitment=PUBLISHED.commitment, seed=PUBLISHED.seed, beacon=b"", digest=OTHER,
        pool_size=20, leaves=leaves, places=(0,) * 20,
    )  # fmt: skip

    assert faults_of(many)[-1] == "and 15 more places are wrong"


def test_a_ticket_says_its_leaf() -> None:
    said = {"sale": "sale-1", "sku": "mug", "user": "bob", "nonce": NONCES[1].hex(), "index": 1}
    payload = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    leaf = leaf_in(f"{payload}.c2lnbmF0dXJl", "sale-1", "mug")

    assert line_of(PUBLISHED, leaf) == 1
    assert leaf_in(leaf.hex(), "sale-1", "mug") == leaf
    assert line_of(PUBLISHED, OTHER) is None
    with pytest.raises(Unreadable, match="is for sale-1 mug"):
        leaf_in(payload, "sale-2", "mug")


@pytest.mark.parametrize("ticket", ["", "x", "a.b.c", "g" * 64, "e30", "W10.W10", "\udcff.é"])
def test_what_is_no_ticket_is_said_to_be_none(ticket: str) -> None:
    with pytest.raises(Unreadable):
        leaf_in(ticket, "sale-1", "mug")


def test_leaves_differ_where_their_members_meet_otherwise() -> None:
    assert leaf_of("ab", "c", "d", b"e") != leaf_of("a", "bc", "d", b"e")
