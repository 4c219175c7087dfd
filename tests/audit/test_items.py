"""Items that left Redis: their books are Postgres' alone, and no repair brings them back."""

from dataclasses import replace

from redis.asyncio import Redis

from audit.item_rebuild import rebuild_item
from audit.items import all_items
from audit.repair import repair
from audit.run import run_audit
from audit.sources import AuditSources
from domain.ids import new_order_id
from domain.reservation import GateVerdict
from domain.states import SaleStatus
from infra.postgres.sales import Sales
from infra.redis.keys import ItemKeys
from tests.support.audited_orders import assert_breaks, cancelled, check_of, paid
from tests.support.retiring import keys_of_items, over, retire
from tests.support.shop import Shop


async def retired(shop: Shop, sources: AuditSources) -> str:
    """Answers the order that was sold of it."""
    sold = await paid(shop, sources, "ada")
    await cancelled(shop, sources, "bob")
    await over(shop)
    assert (await retire(shop)).forgotten == 1
    return sold.order_id


async def test_a_retired_item_is_looked_at_only_where_redis_lists_it(
    shop: Shop, sources: AuditSources
) -> None:
    assert await all_items(sources) == [shop.item.ref]
    await retired(shop, sources)
    assert await all_items(sources) == []
    await shop.gate.preheat(shop.sale.terms_of(shop.item), 20)
    assert await all_items(sources) == [shop.item.ref]


async def test_an_audit_finds_all_in_order_and_a_repair_nothing_to_do(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await retired(shop, sources)

    report = await run_audit(sources)
    repairs = await repair(sources)

    assert report.ok
    assert check_of(report, "A1").detail.startswith("1 item, 20 units")
    assert (repairs.rebuilt, repairs.restarted, repairs.left) == ((), (), ())
    assert await keys_of_items(redis) == []
    assert (await shop.click("eve")).verdict is GateVerdict.NOT_FOUND


async def test_units_that_postgres_miscounts_are_found_without_redis(
    shop: Shop, sources: AuditSources
) -> None:
    await retired(shop, sources)
    async with shop.database.transaction() as connection:
        await connection.exec_driver_sql(
            "UPDATE sale_items SET available = available - 1, sold = sold + 1"
        )

    await assert_breaks(sources, "A1")


async def test_what_an_old_copy_of_redis_brings_back_is_named_and_goes_again(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await retired(shop, sources)
    await shop.gate.preheat(shop.sale.terms_of(shop.item), 20)
    await assert_breaks(sources, "A2")

    repairs = await repair(sources)

    assert repairs.rebuilt == (f"{shop.item.sale_id}/teapot",)
    assert await keys_of_items(redis) == []
    assert (await run_audit(sources)).ok


async def test_an_item_is_not_rebuilt_while_something_waits_in_its_stream(
    shop: Shop, sources: AuditSources, redis: Redis
) -> None:
    await retired(shop, sources)
    await shop.gate.preheat(shop.sale.terms_of(shop.item), 20)
    await redis.xadd(ItemKeys.of(shop.item.ref).intents, {"order_id": new_order_id(1, 1)})

    assert not await rebuild_item(sources, shop.item.ref)

    assert (await shop.click("eve")).verdict is GateVerdict.ENDED


async def test_a_postgres_put_back_to_before_the_retirement_has_its_item_written_again(
    shop: Shop, sources: AuditSources
) -> None:
    sold = await retired(shop, sources)
    async with shop.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE sale_items SET retired_at = NULL")
        # Of a sale that is settled nobody needs Redis' books.
        await connection.exec_driver_sql("UPDATE sales SET status = 'closed'")
    await assert_breaks(sources, "A2", sold)

    await repair(replace(sources, grace=sources.grace / 10))

    assert (await run_audit(sources)).ok
    assert (await shop.click("eve")).verdict is GateVerdict.ENDED
    async with shop.database.transaction() as connection:
        sale = await Sales(connection).get(shop.sale.sale_id)
    assert sale is not None
    assert sale.status is SaleStatus.CLOSED
