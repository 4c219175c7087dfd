"""Stock taken in Redis, order never written, because something crashed in between."""

from infra.redis.intent_groups import Group
from tests.support.idle import audit_when_idle
from tests.support.intent_groups import gone, reading
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_steps import LONG, row_of

DEAD = "died with it in hand"


async def test_what_a_dead_worker_had_in_hand_becomes_an_order_all_the_same(
    system: WholeSystem,
) -> None:
    sale_id = await system.sale(stock=2, pay_window=LONG)
    await system.worker.stop()
    order_id = (await system.click(sale_id, "ada")).json()["order_id"]
    for group in Group:
        (entry,) = await reading(system.redis, group, DEAD).read(10, 100)
        assert entry.order_id == order_id
    assert (await system.order(order_id))["status"] == "queued"
    assert await row_of(system, order_id) is None
    # As if it had died a while ago: that is when others take over.
    for group in Group:
        await gone(system.redis, group, DEAD)

    system.worker.start()

    await system.until_status(order_id, "pending_payment")
    assert await system.stock(sale_id) == {"available": 1, "held": 1, "sold": 0}
    await system.cancel(order_id, "ada")
    assert await system.stock(sale_id) == {"available": 2, "held": 0, "sold": 0}
    await audit_when_idle(system)
