import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.draw import commitment_of, draw
from domain.sale import ItemRef
from infra.postgres.draw_seeds import DrawSeeds
from infra.postgres.engine import Database
from infra.postgres.rooms import Rooms
from tests.support.ledger import open_item

MUG = ItemRef(sale_id="noon", sku_id="mug")


@pytest.fixture
async def committed(database: Database) -> Database:
    await open_item(database)
    async with database.transaction() as connection:
        await DrawSeeds(connection).commit("noon", "drand 4242")
    return database


async def test_a_sale_has_one_seed_for_ever_whoever_publishes_again(committed: Database) -> None:
    async with committed.transaction() as connection:
        first = await DrawSeeds(connection).to_draw("noon")
        await DrawSeeds(connection).commit("noon")
        again = await DrawSeeds(connection).to_draw("noon")
        promise = await DrawSeeds(connection).promise("noon")

    assert first is not None
    assert first == again
    assert first.beacon_source == "drand 4242"
    assert len(first.seed) == 32
    assert promise == (commitment_of(first.seed), "drand 4242", None)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE draw_seeds SET seed = commitment, commitment = sha256(commitment)",
        "UPDATE draw_seeds SET sale_id = sale_id, beacon_source = 'another'",
        "DELETE FROM draw_seeds",
    ],
)
async def test_nobody_changes_a_seed_by_hand(committed: Database, change: str) -> None:
    with pytest.raises(DBAPIError, match="keeps its seed"):
        async with committed.transaction() as connection:
            await connection.execute(text(change))


async def test_a_beacon_that_was_named_is_set_once(committed: Database) -> None:
    await open_item(committed, sale_id="later")
    async with committed.transaction() as connection:
        seeds = DrawSeeds(connection)
        await seeds.commit("later")

        assert await seeds.set_beacon("noon", "value")
        assert not await seeds.set_beacon("noon", "other")
        assert not await seeds.set_beacon("later", "value")
        standing = await seeds.to_draw("noon")
    assert standing is not None
    assert standing.beacon == "value"


async def test_the_seed_is_shown_once_every_pool_of_the_sale_has_ended(
    committed: Database,
) -> None:
    cup = ItemRef(sale_id="noon", sku_id="cup")
    async with committed.transaction() as connection:
        seeds, rooms = DrawSeeds(connection), Rooms(connection)
        seed = await seeds.to_draw("noon")
        assert seed is not None
        for item in (MUG, cup):
            await rooms.keep(item, 1, 0)
        assert await seeds.shown(MUG) is None

        await rooms.fix_draw(MUG, draw(seed, []))
        assert await seeds.shown(MUG) is None

        await rooms.fix_draw(cup, draw(seed, []))
        assert await seeds.shown(MUG) == await seeds.shown(cup) == seed


async def test_what_goes_wrong_says_nothing_of_a_seed(database: Database) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with database.transaction() as connection:
            await DrawSeeds(connection).commit("a sale that is not there")

    assert "noon" not in str(raised.value)
    assert "seed" not in str(raised.value.params)
