"""The shop's API, as buyers and an operator call it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.payment import PaymentMethod
from domain.sale import ItemRef
from practice.rush.http import Answer
from practice.rush.shop import SKU_ID, read, sale_document
from practice.rush.views import Token
from tests.support.rushing import context_at
from tests.support.shop_double import ShopDouble


@pytest.mark.parametrize(
    "answer",
    [None, Answer(409, {}, b'{"token":"t"}'), Answer(200, {}, b"{}"), Answer(200, {}, b"<html>")],
    ids=["none", "refused", "another shape", "garbled"],
)
def test_only_a_good_answer_of_the_right_shape_is_read(answer: Answer | None) -> None:
    assert read(Token, answer) is None


def test_a_good_answer_is_read() -> None:
    assert read(Token, Answer(200, {}, b'{"token":"t","more":1}')) == Token(token="t")


async def test_a_click_with_a_key_may_be_repeated() -> None:
    shop = ShopDouble()
    shop.open_at_once(stock=5, limit=5)
    item = ItemRef(sale_id="S1", sku_id=SKU_ID)
    async with context_at(shop) as context:
        first = await context.shop.place_order(item, "anna", "k")
        again = await context.shop.place_order(item, "anna", "k")
        bare = await context.shop.place_order(item, "anna", "")
    assert first.document() == again.document() != bare.document()
    assert shop.heard == ["k", "k", ""]


async def test_an_order_can_be_seen_paid_for_and_cancelled_by_its_buyer() -> None:
    shop = ShopDouble()
    shop.open_at_once(stock=1)
    async with context_at(shop) as context:
        client = context.shop
        placed = await client.place_order(ItemRef(sale_id="S1", sku_id=SKU_ID), "anna", "")
        order_id = placed.document()["order_id"]
        seen = await client.order(order_id, "anna")
        begun = await client.begin_payment(order_id, "anna", PaymentMethod.WECHATPAY)
        cancelled = await client.cancel(order_id, "anna")
    assert seen.document()["status"] == "pending_payment"
    assert begun.document()["action"]["type"] == "qr"
    assert cancelled.document()["status"] == "cancelled"


def test_a_sale_of_one_item_lasts_from_start_to_end() -> None:
    start = datetime(2026, 11, 11, tzinfo=UTC)
    sale = sale_document(
        starts_at=start, ends_at=start + timedelta(hours=1), pay_window=60, price=100, stock=3,
        limit=2,
    )  # fmt: skip
    assert (sale["starts_at"], sale["pay_window_seconds"]) == ("2026-11-11T00:00:00+00:00", 60)
    assert isinstance(sale["items"], list)
    (item,) = sale["items"]
    assert (item["sku_id"], item["price"], item["stock"]) == (SKU_ID, 100, 3)
    assert item["per_user_limit"] == 2
