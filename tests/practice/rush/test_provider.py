"""The practice provider, as the crowd calls it."""

from practice.provider.control import Switches
from practice.rush.provider import CHAOS
from tests.support.rushing import context_at
from tests.support.shop_double import ShopDouble


def test_chaos_leaves_the_end_of_an_order_to_its_buyer() -> None:
    assert Switches.model_validate(CHAOS).pay_on_close == 0.0


async def test_a_redirect_is_followed_wherever_it_leads_at_this_provider() -> None:
    async with context_at(ShopDouble()) as context:
        page = await context.provider.open("http://elsewhere.example/cashier?o=1")
    assert (page.status, page.body) == (200, b"<html>")


async def test_switches_are_set_for_all_or_for_one_trade() -> None:
    shop = ShopDouble()
    async with context_at(shop) as context:
        await context.provider.misbehave({"drop": 0.5})
        lost = await context.provider.lose_notices("T1")
    assert shop.switched == [{"drop": 0.5}]
    assert lost.document() == {"drop": 1.0}
