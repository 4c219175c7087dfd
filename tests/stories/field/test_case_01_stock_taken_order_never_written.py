"""Stock taken in Redis, order never written, because something crashed in between."""

from domain.sale import ItemRef
from infra.redis.intents import GROUP, Intents
from infra.redis.keys import ItemKeys
from tests.support.idle import audit_when_idle
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG, row_of

AN_AGE_MS = 3_600_000


async def test_what_a_dead_worker_had_in_hand_becomes_an_order_all_the_same(
    system: WholeSystem,
) -> None:
    sale_id = await system.sale(stock=2, pay_window=LONG)
    item = ItemRef(sale_id=sale_id, sku_id="teapot")
    await system.worker.stop()
    order_id = (await system.click(sale_id, "ada")).json()["order_id"]
    (entry,) = await Intents(system.redis).read("died with it in hand", 10, 100)
    assert entry.order_id == order_id
    assert (await system.order(order_id))["status"] == "queued"
    assert await row_of(system, order_id) is None
    # As if it had died an hour ago: that is when others take over.
    await system.redis.xclaim(
        ItemKeys.of(item).intents,
        GROUP,
        "died with it in hand",
        0,
        [entry.entry_id],
        idle=AN_AGE_MS,
    )

    system.worker.start()

    await system.until_status(order_id, "pending_payment")
    assert await system.stock(sale_id) == {"available": 1, "held": 1, "sold": 0}
    await system.cancel(order_id, "ada")
    assert await system.stock(sale_id) == {"available": 2, "held": 0, "sold": 0}
    await audit_when_idle(system)
