"""What winners do with their orders."""

from domain.payment import PaymentMethod
from domain.states import OrderStatus
from tests.support.rushing import Rusher
from tests.support.shop_double import Faults, ShopDouble

# Nobody's time runs out while a slow machine plays a rush.
LONG = 1800


async def test_winners_pay_in_both_ways_and_some_notices_are_lost(rush_at: Rusher) -> None:
    report = await rush_at(
        ShopDouble(), pay=1, cancel=0, wechat=0.5, lost_notices=0.5, pay_window=LONG
    )

    assert report.ok
    assert report.paid_by[PaymentMethod.ALIPAY] + report.paid_by[PaymentMethod.WECHATPAY] == 10
    assert min(report.paid_by.values()) >= 1
    assert report.paid_without_notice == 5


async def test_a_cancel_that_was_only_taken_in_may_be_overtaken_by_time(rush_at: Rusher) -> None:
    shop = ShopDouble(Faults(take_cancels_in_only=True))
    report = await rush_at(shop, pay=0, cancel=1)

    assert report.ok
    assert set(report.orders) == {OrderStatus.TIMED_OUT}
