"""A sale's end as operators see it: cancelled, held up, reported."""

from typing import Any

import httpx
from temporalio.client import Client

from domain.states import SaleStatus
from infra.postgres.engine import Database
from infra.postgres.sale_cancellations import SaleCancellations
from infra.postgres.sale_ends import SaleEnds
from infra.postgres.sale_reports import SaleReports
from infra.postgres.sales import Sales
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.cancelling import close_sale
from tests.support.ledger import open_item, pay, place
from tests.support.operators import acts_of, drafted, published
from tests.support.polling import eventually
from tests.support.shop import Shop
from tests.support.values import PRICE
from workflows.sale import sale_workflow_id

WHY = {"reason": "the maker cannot deliver"}


def path_of(sale_id: str, what: str) -> str:
    return f"/v1/operator/sales/{sale_id}/{what}"


async def test_publishing_starts_the_workflow_that_sees_to_the_end(
    api: httpx.AsyncClient, temporal_client: Client
) -> None:
    sale_id = (await published(api, (await drafted(api))["sale_id"]))["sale_id"]

    async def is_there() -> bool:
        query = f"WorkflowId = '{sale_workflow_id(sale_id)}' AND SaleId = '{sale_id}'"
        return (await temporal_client.count_workflows(query)).count == 1

    await eventually(is_there, True)


async def test_a_cancelled_sale_sells_nothing_and_says_what_is_to_do(
    api: httpx.AsyncClient, database: Database
) -> None:
    sale_id = (await published(api, (await drafted(api))["sale_id"]))["sale_id"]

    answers = [
        await api.post(path_of(sale_id, "cancel"), json=WHY, headers=OPERATOR) for _ in range(2)
    ]

    first, again = (answer.json() for answer in answers)
    assert [answer.status_code for answer in answers] == [202, 202]
    assert first == again
    assert (first["state"], first["asked_by"]) == ("asked", "operator:olga")
    assert first["status"] == "cancelled"
    assert first["orders"] == {"to_do": 0, "done": 0, "failed": 0}
    click = await api.post(
        f"/v1/sales/{sale_id}/items/teapot/orders", json={"quantity": 1}, headers=ADA
    )
    assert_problem(click, 409, "ENDED")
    seen = await api.get(path_of(sale_id, "cancellation"), headers=OPERATOR)
    assert seen.json() == first
    async with database.transaction() as connection:
        sale = await Sales(connection).get(sale_id)
    assert sale and sale.status is SaleStatus.CANCELLED


async def test_a_cancellation_is_held_up_and_goes_on_by_an_operators_word(
    api: httpx.AsyncClient, database: Database
) -> None:
    sale_id = (await drafted(api))["sale_id"]
    await api.post(path_of(sale_id, "cancel"), json=WHY, headers=OPERATOR)

    async def told(what: str) -> dict[str, Any]:
        path = path_of(sale_id, f"cancellation/{what}")
        answer: dict[str, Any] = (await api.post(path, json=WHY, headers=OPERATOR)).json()
        return answer

    states = [(await told(what))["state"] for what in ("pause", "pause", "resume", "resume")]

    assert states == ["paused", "paused", "asked", "asked"]
    assert [act for _, act, _, _ in await acts_of(database)] == [
        "sale_drafted",
        "cancellation_paused",
        "cancellation_resumed",
    ]
    async with database.transaction() as connection:
        await SaleCancellations(connection).finish(sale_id)
    late = await api.post(path_of(sale_id, "cancellation/pause"), headers=OPERATOR)
    assert_problem(late, 409, "INVALID_STATE")


async def test_what_is_over_or_not_there_is_not_cancelled(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    sale_id = shop.sale.sale_id
    for what in ("cancellation", "report"):
        assert_problem(
            await api.get(path_of("none-such", what), headers=OPERATOR), 404, "NOT_FOUND"
        )
    early = await api.get(path_of(sale_id, "cancellation"), headers=OPERATOR)
    assert assert_problem(early, 409, "INVALID_STATE")["sale_status"] == "published"
    await close_sale(shop)
    async with shop.database.transaction() as connection:
        assert await SaleEnds(connection).settle(sale_id)

    answer = await api.post(path_of(sale_id, "cancel"), json=WHY, headers=OPERATOR)

    assert assert_problem(answer, 409, "INVALID_STATE")["sale_status"] == "settled"


async def test_a_report_follows_the_ledger_in_versions(
    api: httpx.AsyncClient, database: Database
) -> None:
    item = await open_item(database, stock=5)
    order = await place(database, item, "ada")
    path = path_of(item.sale_id, "report")
    early = await api.get(path, headers=OPERATOR)
    assert_problem(early, 409, "INVALID_STATE")
    async with database.transaction() as connection:
        sale = await Sales(connection).get(item.sale_id)
        assert sale is not None
        await SaleReports(connection).bring_up_to_date(sale)

    await pay(database, order)
    second = (await api.get(path, headers=OPERATOR)).json()
    again = (await api.get(path, headers=OPERATOR)).json()
    first = (await api.get(path, params={"version": 1}, headers=OPERATOR)).json()

    assert (first["version"], second["version"]) == (1, 2)
    assert second == again
    assert first["money"] == []
    (money,) = second["money"]
    assert (money["received"], money["refunded"]) == (PRICE, 0)
    (figures,) = second["items"]
    assert (figures["total"], figures["sold"], figures["unsold"]) == (5, 1, 4)
    later = await api.get(path, params={"version": 3}, headers=OPERATOR)
    assert_problem(later, 404, "NOT_FOUND")
