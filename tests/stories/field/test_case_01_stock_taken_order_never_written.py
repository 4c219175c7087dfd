"""Stock taken in Redis, order never written, because something crashed in between."""

from domain.sale import ItemRef
from infra.redis.intents import GROUP, Intents
from infra.redis.keys import ItemKeys
from tests.support.field_cases import LONG, row_of
from tests.support.quiet import rest_and_audit
from tests.support.town import Town

AN_AGE_MS = 3_600_000


async def test_what_a_dead_worker_had_in_hand_becomes_an_order_all_the_same(town: Town) -> None:
    sale_id = await town.sale(stock=2, pay_window=LONG)
    item = ItemRef(sale_id=sale_id, sku_id="teapot")
    await town.worker.stop()
    order_id = (await town.click(sale_id, "ada")).json()["order_id"]
    (entry,) = await Intents(town.redis).read("died with it in hand", 10, 100)
    assert entry.order_id == order_id
    assert (await town.order(order_id))["status"] == "queued"
    assert await row_of(town, order_id) is None
    # As if it had died an hour ago: that is when others take over.
    await town.redis.xclaim(
        ItemKeys.of(item).intents,
        GROUP,
        "died with it in hand",
        0,
        [entry.entry_id],
        idle=AN_AGE_MS,
    )

    town.worker.start()

    await town.until_status(order_id, "pending_payment")
    assert await town.stock(sale_id) == {"available": 1, "held": 1, "sold": 0}
    await town.cancel(order_id, "ada")
    assert await town.stock(sale_id) == {"available": 2, "held": 0, "sold": 0}
    await rest_and_audit(town)
