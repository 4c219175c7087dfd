"""A whole rush against a small shop: honest ones pass, and no fault goes unseen."""

import asyncio

import pytest

from domain.states import OrderStatus
from practice.rush.report import RushReport
from tests.support.rushing import Rusher
from tests.support.shop_double import Faults, ShopDouble

# Nobody's time runs out while a slow machine plays a rush.
LONG = 1800
FEW, FOR_EVERYBODY = 40, 200
# Only those who double-click notice a forgotten key or limit: enough of them must win.
FAULTY = (
    (Faults(oversell=3), "R1", FEW),
    (Faults(sold_out_too_early=3), "R2", FEW),
    (Faults(forget_limit=True), "R3", FOR_EVERYBODY),
    (Faults(forget_payments=True), "R5", FEW),
    (Faults(forget_keys=True, forget_limit=True), "R7", FOR_EVERYBODY),
    (Faults(hide_an_order=True), "R8", FEW),
    (Faults(invent_an_order=True), "R8", FEW),
    (Faults(audit_fails=True), "A1", FEW),
)


def broken(report: RushReport) -> set[str]:
    return {check.code for check in (*report.crowd, *report.audit) if not check.ok}


async def test_an_honest_shop_passes_and_every_ending_is_seen(rush_at: Rusher) -> None:
    shop = ShopDouble()
    report = await rush_at(shop, pay=0.5, cancel=0.3)

    assert broken(report) == set()
    assert report.ok
    assert report.sold >= 5
    assert report.orders[OrderStatus.CANCELLED] >= 2
    assert report.orders[OrderStatus.TIMED_OUT] >= 2
    assert report.sold <= 10
    assert report.answers["SOLD_OUT"] > 0
    assert shop.switched == [], "nobody asked for a provider that misbehaves"


async def test_orders_within_a_long_payment_window_are_left_in_peace(rush_at: Rusher) -> None:
    report = await rush_at(ShopDouble(), pay=0.5, cancel=0.2, pay_window=LONG)

    assert report.ok
    assert report.orders[OrderStatus.PENDING_PAYMENT] >= 2


async def test_every_faulty_shop_is_found_out(rush_at: Rusher) -> None:
    rushes = (
        # Who was forgotten waits as long as he may to be told that he has paid.
        rush_at(
            ShopDouble(faults), pay=1, cancel=0, buyers=90, units=units, pay_window=LONG,
            settle_seconds=5.0 if faults.forget_payments else 15.0,
        )
        for faults, _, units in FAULTY
    )  # fmt: skip

    # Beside each other: each mostly waits for its buyers to click.
    reports = await asyncio.gather(*rushes)

    for (faults, rule, _), report in zip(FAULTY, reports, strict=True):
        assert rule in broken(report), faults
        assert not report.ok, faults


async def test_a_rush_that_is_broken_off_leaves_a_calm_provider(rush_at: Rusher) -> None:
    shop = ShopDouble()
    rushing = asyncio.ensure_future(rush_at(shop, chaos_payments=True))
    async with asyncio.timeout(60):
        while not shop.heard:
            await asyncio.sleep(0.01)

    rushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rushing

    assert shop.switched[0] != {}
    assert shop.switched[1:] == [{}]
