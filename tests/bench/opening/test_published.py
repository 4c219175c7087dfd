"""A draw of a simulation is checked by who shares no code with it."""

import pytest

from bench.opening.published import verified
from domain.draw import CommittedSeed, commitment_of, draw, leaf_of, places_in
from domain.sale import ItemRef

ITEM = ItemRef(sale_id="S1", sku_id="mug")
SEED = CommittedSeed(seed=bytes(32), commitment=commitment_of(bytes(32)))
LEAVES = [leaf_of("S1", "mug", f"u{number}", bytes(16)) for number in range(5)]


@pytest.mark.servers
async def test_two_places_that_changed_sides_are_found() -> None:
    drawn = draw(SEED, LEAVES)
    right = places_in(drawn.places)
    swapped = [right[1], right[0], *right[2:]]

    good = await verified(ITEM, SEED, digest=drawn.digest, leaves=LEAVES, places=right)
    bad = await verified(ITEM, SEED, digest=drawn.digest, leaves=LEAVES, places=swapped)

    assert good.holds
    assert good.says.startswith("the draw holds: 5 leaves")
    assert not bad.holds
    assert bad.says.startswith("WRONG: line 1")
