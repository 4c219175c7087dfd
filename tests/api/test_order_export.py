"""All orders that fit, page by page, with their money."""

import csv

import pytest

from api import order_export
from api.order_export import COLUMNS, export_orders
from domain.order import Order
from infra.postgres.engine import Database
from infra.postgres.orders import OrderFilter
from tests.support.ledger import give_back, open_item, pay, place


async def exported(database: Database, wanted: OrderFilter) -> list[dict[str, str]]:
    texts = [text async for text in await export_orders(database, wanted)]
    return list(csv.DictReader("".join(texts).splitlines()))


async def placed(database: Database, *users: str) -> list[Order]:
    item = await open_item(database)
    return [await place(database, item, user) for user in users]


async def test_every_page_is_in_it_once_and_pages_are_small(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_export, "AT_ONCE", 2)
    orders = await placed(database, "ada", "bob", "eve", "dan", "ann")

    texts = [text async for text in await export_orders(database, OrderFilter())]

    newest_first = sorted((order.order_id for order in orders), reverse=True)
    assert [text.count("\r\n") for text in texts] == [1 + 2, 2, 1]
    rows = list(csv.DictReader("".join(texts).splitlines()))
    assert [row["order_id"] for row in rows] == newest_first
    assert tuple(rows[0]) == COLUMNS


async def test_a_line_has_the_orders_money(database: Database) -> None:
    paid, open_ = await placed(database, "ada", "=bob()")
    payment = await pay(database, paid)
    await give_back(database, paid, payment)

    (hers,) = await exported(database, OrderFilter(user_id="ada"))
    (his,) = await exported(database, OrderFilter(order_id=open_.order_id, sale_id="noon"))

    assert (hers["method"], hers["payment_id"]) == ("alipay", payment.payment_id)
    assert hers["received"] == hers["refunded"] == hers["amount"] == str(paid.amount)
    assert (his["user_id"], his["method"], his["received"]) == ("'=bob()", "", "0")
    assert await exported(database, OrderFilter(sale_id="another")) == []
