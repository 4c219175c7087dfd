import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.draw import (
    HOLE,
    BrokenDraw,
    CommittedSeed,
    commitment_of,
    digest_of,
    leaf_of,
    new_nonce,
    packed,
    places,
)
from tests.support.published_draw import (
    BEACON,
    COMMITMENT,
    DIGEST,
    LEAVES,
    NONCES,
    PLACES,
    PLACES_WITH_BEACON,
    SEED,
    USERS,
)
from verifying.draw import Published, recomputed_places


def test_the_vectors_of_the_docs_are_what_comes_out() -> None:
    leaves = [leaf_of("sale-1", "mug", *who) for who in zip(USERS, NONCES, strict=True)]

    assert commitment_of(SEED) == COMMITMENT
    assert tuple(leaves) == LEAVES
    assert digest_of(leaves) == DIGEST
    assert tuple(places(SEED, DIGEST, b"", leaves)) == PLACES
    assert tuple(places(SEED, DIGEST, BEACON.encode(), leaves)) == PLACES_WITH_BEACON


@given(
    some.binary(min_size=32, max_size=32),
    some.text(max_size=20),
    some.lists(some.text(max_size=8), max_size=30),
)
def test_who_verifies_comes_to_the_same_places(seed: bytes, beacon: str, users: list[str]) -> None:
    leaves = [leaf_of("sale", "sku", user, b"n") for user in users]
    digest = digest_of(leaves)

    drawn = places(seed, digest, beacon.encode(), leaves)

    assert set(drawn) == set(range(1, len(leaves) + 1))
    published = Published(
        commitment=commitment_of(seed), seed=seed, beacon=beacon.encode(), digest=digest,
        pool_size=len(leaves), leaves=tuple(leaves),
    )  # fmt: skip
    assert recomputed_places(published) == drawn


def test_of_equal_lots_the_first_to_join_comes_first() -> None:
    twins = [LEAVES[0]] * 3

    assert places(SEED, digest_of(twins), b"", twins) == [1, 2, 3]


TICKETS = some.tuples(*[some.text("ab", max_size=3)] * 3, some.binary(max_size=2))


@given(TICKETS, TICKETS)
def test_no_two_tickets_are_one_leaf(
    one: tuple[str, str, str, bytes], other: tuple[str, str, str, bytes]
) -> None:
    assert (leaf_of(*one) == leaf_of(*other)) == (one == other)


def test_a_list_that_is_not_the_digests_is_not_drawn() -> None:
    with pytest.raises(BrokenDraw):
        places(SEED, DIGEST, b"", LEAVES[1:])
    with pytest.raises(BrokenDraw):
        digest_of([b"short"])


def test_an_index_that_was_lost_has_no_place_and_changes_nobodys() -> None:
    leaves = [LEAVES[0], HOLE, HOLE, *LEAVES[1:]]

    drawn = places(SEED, DIGEST, b"", leaves)

    assert drawn == [PLACES[0], None, None, *PLACES[1:]]


def test_the_gate_is_handed_ranks_of_four_bytes_by_index() -> None:
    assert packed([3, None, 1]).hex() == "00000002ffffffff00000000"
    assert packed([]) == b""


def test_nonces_are_by_chance_and_a_seed_fits_its_commitment_alone() -> None:
    assert new_nonce() != new_nonce()
    assert CommittedSeed(seed=SEED, commitment=COMMITMENT).fits
    assert not CommittedSeed(seed=bytes(32), commitment=COMMITMENT).fits


def test_a_named_beacon_is_waited_for_until_it_is_known() -> None:
    seed = CommittedSeed(seed=SEED, commitment=COMMITMENT)

    assert not seed.waits_for_beacon
    named = seed.model_copy(update={"beacon_source": "drand"})
    assert named.waits_for_beacon
    assert not named.model_copy(update={"beacon": BEACON}).waits_for_beacon
