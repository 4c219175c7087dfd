"""Rows that nobody can show: a date without end, a word of another version. Every list stands
without them, and what would become one is not kept."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api import sale_commands
from api.routes import operator_sales, points
from domain.ids import new_order_id
from infra.postgres.sales import Sales
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import drafted, give, new_sale, published
from tests.support.shop import Shop

# For each list: what makes one more row that cannot be shown, `:n` a number of its own.
ODD_ROWS = {
    "sale without end": (
        "INSERT INTO sales VALUES ('S' || :n, 'odd', 'published', now(), 'infinity', 60, false,"
        " 'refund', now())"
    ),
    "sale of another version": (
        "INSERT INTO sales VALUES ('S' || :n, 'odd', 'raffled', now(), now() + interval '1 day',"
        " 60, false, 'refund', now())"
    ),
    "order without end": (
        "INSERT INTO orders VALUES (:order_id, 'S', 'K', 'ada', 1, 1, 'CNY', 'paid', NULL,"
        " now(), 'infinity', NULL)"
    ),
    "order of another version": (
        "INSERT INTO orders VALUES (:order_id, 'S', 'K', 'ada', 1, 1, 'CNY', 'adored', NULL,"
        " now(), NULL, NULL)"
    ),
    "notice": (
        "INSERT INTO payment_notices (notice_id, method, provider_notice_id, kind, verdict, body,"
        " headers) VALUES ('N' || :n, 'alipay', 'p', 'greeting', 'accepted', '', '{}')"
    ),
    "attention": (
        "INSERT INTO attentions (kind, subject, what, advice) VALUES ('boredom', 'A' || :n, 'w',"
        " 'a')"
    ),
    "audit": (
        "INSERT INTO audits (audit_id, started_at, finished_at, ok, checks)"
        " VALUES ('A' || :n, now(), '-infinity', true, '[]')"
    ),
    "bill": (
        "INSERT INTO bill_checks (method, day, checked_at, lines, matched, repaired, mismatches,"
        " sample) VALUES ('barter', now(), now(), 1, 1, 0, 0, '[]')"
    ),
}
LISTS = {
    "/v1/sales": ("sales", ADA),
    "/v1/orders": ("orders", ADA),
    "/v1/operator/sales": ("sales", OPERATOR),
    "/v1/operator/orders": ("orders", OPERATOR),
    "/v1/operator/notices": ("notices", OPERATOR),
    "/v1/operator/attention": ("attention", OPERATOR),
    "/v1/operator/audits": ("audits", OPERATOR),
    "/v1/operator/bills": ("bills", OPERATOR),
}


async def add_odd_rows(shop: Shop) -> None:
    async with shop.database.transaction() as connection:
        for number, statement in enumerate(ODD_ROWS.values()):
            order_id = new_order_id(shop.item.item_number, 1_900_000_000_000 + number)
            values = {"n": str(number), "order_id": order_id}
            wanted = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), wanted)


async def test_every_list_stands_without_the_rows_that_cannot_be_shown(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    before = {path: (await api.get(path, headers=who)).json() for path, (_, who) in LISTS.items()}
    await add_odd_rows(shop)

    for path, (name, who) in LISTS.items():
        # Another page than the one that may still be remembered.
        answer = await api.get(f"{path}?limit=99", headers=who)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        shown = _without_clock(answer.json()[name])
        assert shown == _without_clock(before[path][name]), path


async def test_a_page_of_odd_rows_leads_to_the_next(api: httpx.AsyncClient, shop: Shop) -> None:
    await add_odd_rows(shop)
    sales, cursor = [], ""
    while cursor is not None:
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/v1/operator/sales", params=query, headers=OPERATOR)).json()
        sales += page["sales"]
        cursor = page["next_cursor"]

    assert [sale["sale_id"] for sale in sales] == [shop.sale.sale_id]


def _without_clock(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "server_time"} for row in rows]


def refuse_to_show(*_: object, **__: object) -> None:
    raise ValueError("this cannot be shown")


async def test_what_cannot_be_shown_is_not_kept(
    api: httpx.AsyncClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = (await drafted(api))["sale_id"]
    with monkeypatch.context() as patch:
        patch.setattr(operator_sales, "operator_sale_view", refuse_to_show)
        patch.setattr(sale_commands, "operator_sale_view", refuse_to_show)
        patch.setattr(points, "points_view", refuse_to_show)
        created = await api.post("/v1/operator/sales", json=new_sale(), headers=OPERATOR)
        shown = await api.post(f"/v1/operator/sales/{draft}/publish", headers=OPERATOR)
        given = await give(api, 100)

    for answer in (created, shown, given):
        assert_problem(answer, 503, "UNAVAILABLE")
    async with shop.database.transaction() as connection:
        sales, _ = await Sales(connection).page(None, 10)
    assert {sale.sale_id: sale.status for sale in sales} == {
        shop.sale.sale_id: "published",
        draft: "draft",
    }
    assert await shop.points("ada") == 0


async def test_a_sale_without_end_from_before_is_not_published(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    sale_id = (await drafted(api))["sale_id"]
    async with shop.database.transaction() as connection:
        endless = text("UPDATE sales SET ends_at = 'infinity' WHERE sale_id = :sale_id")
        await connection.execute(endless, {"sale_id": sale_id})

    answer = await api.post(f"/v1/operator/sales/{sale_id}/publish", headers=OPERATOR)

    assert_problem(answer, 503, "UNAVAILABLE")
    async with shop.database.transaction() as connection:
        sale = await Sales(connection).get(sale_id)
    assert sale is not None
    assert sale.status == "draft"


async def test_a_sale_to_the_last_moment_is_shown_and_sold(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    times = {"starts_at": "2000-01-01T00:00:00Z", "ends_at": "2199-12-31T23:59:59.999999Z"}

    sale_id = (await drafted(api, **times))["sale_id"]
    view = await published(api, sale_id)
    answer = await api.post(
        f"/v1/sales/{sale_id}/items/teapot/orders", json={"quantity": 1}, headers=ADA
    )

    assert view["status"] == "open"
    assert datetime.fromisoformat(view["ends_at"]) > datetime(2199, 12, 31, tzinfo=UTC)
    assert answer.status_code == 202
