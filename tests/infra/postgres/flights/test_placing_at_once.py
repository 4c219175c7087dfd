import asyncio
import random

from domain.order import RejectReason
from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.flights.placing import (
    StandingOrder,
    place_many,
)
from infra.postgres.hot_path import HotPath
from infra.postgres.sales import Sales
from tests.support.ledger import figures, open_item
from tests.support.placing import flights_at_noon, intents_of, place_all, reason_of
from tests.support.values import NOON, an_order


async def test_an_order_that_another_process_is_just_placing_is_found(database: Database) -> None:
    item = await open_item(database)
    intent = an_order(item).intent
    async with database.driver() as driver:
        transaction = driver.transaction()
        await transaction.start()
        assert await HotPath(driver).place(intent, NOON)
        ours = asyncio.create_task(flights_at_noon(database).place(intent))
        await asyncio.sleep(0.2)
        assert not ours.done()
        await transaction.commit()
    assert (await ours).is_new is False
    assert await figures(database, item) == (9, 1, 0)


async def test_a_sale_that_is_just_being_cancelled_takes_nobody(database: Database) -> None:
    item = await open_item(database)
    async with database.transaction() as connection:
        await Sales(connection).change_status("noon", SaleStatus.DRAFT, SaleStatus.CANCELLED)
        placing = asyncio.create_task(place_all(database, intents_of(item, "ada", "bob")))
        await asyncio.sleep(0.2)
        assert not placing.done()
    assert [reason_of(answer) for answer in await placing] == [RejectReason.SALE_CANCELLED] * 2


async def test_cancelling_waits_for_who_is_just_placing(database: Database) -> None:
    item = await open_item(database)
    intent = an_order(item).intent

    async def cancel_sale() -> None:
        async with database.transaction() as connection:
            await Sales(connection).change_status("noon", SaleStatus.DRAFT, SaleStatus.CANCELLED)

    async with database.driver() as driver:
        transaction = driver.transaction()
        await transaction.start()
        await place_many(driver, item.ref, {intent.order_id: intent}, NOON)
        cancelling = asyncio.create_task(cancel_sale())
        await asyncio.sleep(0.2)
        assert not cancelling.done()
        await transaction.commit()
    await cancelling


async def test_a_connection_that_is_cut_in_flight_costs_nobody_his_order(
    database: Database,
) -> None:
    item = await open_item(database)
    async with database.driver() as driver:
        transaction = driver.transaction()
        await transaction.start()
        await driver.execute("SELECT FROM sale_items FOR UPDATE")
        placing = asyncio.create_task(place_all(database, intents_of(item, "ada", "bob")))
        await asyncio.sleep(0.2)
        cut = await driver.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await transaction.rollback()
    assert cut == 1
    assert all(isinstance(answer, StandingOrder) and answer.is_new for answer in await placing)
    assert await figures(database, item) == (8, 2, 0)


async def test_two_processes_place_the_same_orders_without_a_deadlock(database: Database) -> None:
    item = await open_item(database, stock=300, per_user_limit=4)
    intents = intents_of(item, *(f"buyer {n % 70}" for n in range(280)))
    mixed = intents.copy()
    random.Random(9).shuffle(mixed)
    one, other = await asyncio.gather(place_all(database, intents), place_all(database, mixed))
    placed = [answer for answer in one + other if isinstance(answer, StandingOrder)]
    assert len(placed) == 560
    assert sum(answer.is_new for answer in placed) == 280
    assert await figures(database, item) == (20, 280, 0)


async def test_two_flights_of_one_buyer_at_once_do_not_exceed_his_limit(
    database: Database,
) -> None:
    item = await open_item(database, stock=100, per_user_limit=4)
    mine = [intents_of(item, *["ada"] * 3) for _ in range(4)]
    answers = await asyncio.gather(*(place_all(database, intents) for intents in mine))
    placed = [one for some in answers for one in some if isinstance(one, StandingOrder)]
    assert len(placed) == 4
    assert await figures(database, item) == (96, 4, 0)
