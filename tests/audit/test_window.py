"""A windowed audit looks at what is open or has changed since an audit was sound."""

from datetime import timedelta

from audit.run import run_audit, since_last_sound
from audit.sources import AuditSources
from audit.window import window_since_last_sound
from domain.reservation import Intent
from infra.postgres.engine import Database
from tests.support.audited_orders import broken_checks, dispatched, paid
from tests.support.ledger import damage
from tests.support.shop import Shop

LONG_AGO = timedelta(days=2)


async def grown_old(shop: Shop) -> None:
    """All there is happened two days ago, and the sale is over."""
    for table in ("order_events", "stock_movements", "payment_flows", "points_entries"):
        await damage(shop.database, f"UPDATE {table} SET at = at - interval '2 days'")  # noqa: S608
    await damage(
        shop.database,
        "UPDATE sales SET starts_at = starts_at - interval '2 days',"
        " ends_at = ends_at - interval '2 days'",
    )


async def test_before_any_sound_audit_the_whole_is_looked_at(database: Database) -> None:
    assert await window_since_last_sound(database) is None


async def test_what_is_open_or_has_changed_is_within_and_what_is_over_is_not(
    shop: Shop, sources: AuditSources
) -> None:
    over, waiting = await paid(shop, sources, "ada"), await dispatched(shop, sources, "bob")
    assert (await run_audit(sources)).ok
    await grown_old(shop)
    changed = await paid(shop, sources, "cyd")

    window = await window_since_last_sound(shop.database)

    assert window is not None
    assert set(window.orders) == {waiting.order_id, changed.order_id}
    assert over.order_id not in window.order_set
    assert window.sales == (shop.sale.sale_id,)
    assert window.users == ("cyd",)


async def test_each_check_finds_within_its_window_what_it_finds_in_the_whole(
    shop: Shop, sources: AuditSources
) -> None:
    ada, bob = await paid(shop, sources, "ada"), await dispatched(shop, sources, "bob")
    assert (await run_audit(await since_last_sound(sources))).ok
    windowed = await since_last_sound(sources)
    assert windowed.window is not None
    assert (await run_audit(windowed)).ok
    await _damage_everything(shop, ada, bob)

    found, whole = await run_audit(windowed), await run_audit(sources)

    assert broken_checks(found) == broken_checks(whole) == {"A1", "A2", "A3", "A5", "A6"}
    for within, without in zip(found.checks, whole.checks, strict=True):
        assert set(within.orders) == set(without.orders)
        assert within.detail.startswith("since ")


async def test_damage_to_what_is_over_is_for_the_whole_audit(
    shop: Shop, sources: AuditSources
) -> None:
    ada = await paid(shop, sources, "ada")
    assert (await run_audit(sources)).ok
    await grown_old(shop)
    await damage(shop.database, "UPDATE payment_flows SET amount = amount - 1")

    windowed = await run_audit(await since_last_sound(sources))

    assert "A5" not in broken_checks(windowed)
    whole = await run_audit(sources)
    assert next(check for check in whole.checks if check.code == "A5").orders == (ada.order_id,)


async def _damage_everything(shop: Shop, ada: Intent, bob: Intent) -> None:
    await damage(shop.database, "UPDATE orders SET quantity = 5 WHERE user_id = 'bob'")
    await damage(shop.database, "UPDATE payment_flows SET amount = amount - 1")
    await damage(shop.database, "UPDATE points_accounts SET balance = balance + 1")
    await shop.gate.release(ada.item, bob.order_id)
