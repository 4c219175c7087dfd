"""Each buyer's list of orders, against what he was told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from domain.sale import ItemRef
from practice.rush.context import RushContext
from practice.rush.notes import UNANSWERED, WonOrder
from practice.rush.order_lists import OrderLists
from practice.rush.shop import SKU_ID
from tests.support.rushing import context_at
from tests.support.shop_double import Faults, ShopDouble

ITEM = ItemRef(sale_id="S1", sku_id=SKU_ID)


@asynccontextmanager
async def sold_to_anna(shop: ShopDouble) -> AsyncIterator[RushContext]:
    """A shop of one unit, which Anna got and Bela did not."""
    shop.open_at_once(stock=1)
    async with context_at(shop) as context:
        context.tokens.update({user: user for user in ("anna", "bela")})
        answer = await context.shop.place_order(ITEM, "anna", "key")
        context.notes.accepted("anna", answer.document()["order_id"])
        yield context


async def compared(context: RushContext) -> tuple[bool, tuple[str, ...], list[str]]:
    """Whether the lists agree, the orders that do not, and those that were looked at."""
    looked: list[str] = []

    async def look(order: WonOrder) -> None:
        looked.append(order.order_id)

    check = await OrderLists(context, look, random=Random("1")).compare()
    assert check.code == "R8"
    return check.ok, check.orders, looked


async def test_a_list_that_names_what_its_buyer_was_told_agrees() -> None:
    async with sold_to_anna(ShopDouble()) as context:
        assert await compared(context) == (True, (), ["O00000"])


async def test_an_order_that_is_in_no_list_is_missing() -> None:
    async with sold_to_anna(ShopDouble(Faults(hide_an_order=True))) as context:
        ok, orders, _ = await compared(context)
    assert (ok, orders) == (False, ("O00000",))


async def test_an_order_nobody_was_told_of_is_found() -> None:
    async with sold_to_anna(ShopDouble(Faults(invent_an_order=True))) as context:
        ok, orders, _ = await compared(context)
    assert (ok, set(orders)) == (False, {"X-anna", "X-bela"})


@pytest.mark.parametrize("some_try", [False, True])
async def test_an_order_whose_answer_was_lost_counts_from_now_on(some_try: bool) -> None:
    async with sold_to_anna(ShopDouble()) as context:
        context.notes.told.clear()
        context.notes.orders.clear()
        if some_try:
            context.notes.unsure.add("anna")
        else:
            context.notes.refused("anna", UNANSWERED)
        assert await compared(context) == (True, (), ["O00000"])
        assert set(context.notes.orders) == {"O00000"}
