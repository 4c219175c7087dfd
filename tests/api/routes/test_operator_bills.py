"""Bill reconciliation: asked for by an operator, and looked up."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from api import bills as bill_desk
from domain.bill import day_of, start_of
from infra.settings import Settings
from tests.support.bookkeeper import Bookkeeper
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import acts_of
from tests.support.shop import Shop

PATH = "/v1/operator/bills"
YESTERDAY = day_of(datetime.now(UTC)) - timedelta(days=1)
NOON = start_of(YESTERDAY) + timedelta(hours=12)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"task_queue": f"bills-{uuid4().hex[:8]}"})


@pytest.fixture
async def keeper(shop: Shop, settings: Settings) -> Bookkeeper:
    shop.settings = shop.settings.model_copy(update={"task_queue": settings.task_queue})
    return Bookkeeper(shop)


async def test_an_operator_has_a_day_compared_and_reads_what_differs(
    api: httpx.AsyncClient, keeper: Bookkeeper
) -> None:
    keeper.bills(await keeper.books("ada", at=NOON), at=NOON)
    absent = await keeper.books("bob", at=NOON)

    async with keeper.shop.worker():
        answer = await api.post(PATH, json={"day": YESTERDAY.isoformat()}, headers=OPERATOR)

    assert answer.status_code == 200, answer.text
    asked = ("operator:olga", "bills_compared", YESTERDAY.isoformat(), "")
    assert await acts_of(keeper.shop.database) == [asked]
    outcome = answer.json()
    assert (outcome["finished"], outcome["day"]) == (True, YESTERDAY.isoformat())
    checks = {check["method"]: check for check in outcome["checks"]}
    assert set(checks) == {"alipay", "wechatpay"}
    alipay = checks["alipay"]
    assert (alipay["ok"], alipay["lines"], alipay["matched"]) == (False, 1, 1)
    assert alipay["sample"] == [
        {
            "fault": "not_in_bill",
            "reference": f"T{absent.payment_id}",
            "payment_id": absent.payment_id,
            "order_id": absent.order_id,
            "billed": None,
            "booked": absent.amount,
        }
    ]
    listed = (await api.get(PATH, headers=OPERATOR)).json()
    assert sorted(check["method"] for check in listed["bills"]) == ["alipay", "wechatpay"]
    assert alipay in listed["bills"]


async def test_what_takes_long_is_answered_by_where_to_look(
    api: httpx.AsyncClient, keeper: Bookkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bill_desk, "ANSWER_SECONDS", 0.2)
    ask = {"day": YESTERDAY.isoformat(), "method": "alipay"}

    first = await api.post(PATH, json=ask, headers=OPERATOR)
    second = await api.post(PATH, json=ask, headers=OPERATOR)

    assert (first.status_code, second.status_code) == (202, 202)
    workflow_id = first.json()["workflow_id"]
    assert second.json() == {
        "workflow_id": workflow_id,
        "day": YESTERDAY.isoformat(),
        "finished": False,
        "checks": [],
    }
    async with keeper.shop.worker():
        await keeper.shop.client.get_workflow_handle(workflow_id).result()
    listed = (await api.get(PATH, headers=OPERATOR)).json()
    assert [check["method"] for check in listed["bills"]] == ["alipay"]


@pytest.mark.parametrize(
    "ask",
    [
        {},
        {"day": "yesterday"},
        {"day": (YESTERDAY + timedelta(days=3)).isoformat()},
        {"day": (YESTERDAY - timedelta(days=100)).isoformat()},
        {"day": YESTERDAY.isoformat(), "method": "points"},
        {"day": YESTERDAY.isoformat(), "method": "shells"},
    ],
)
async def test_what_no_provider_can_bill_is_refused(
    api: httpx.AsyncClient, ask: dict[str, str]
) -> None:
    problem = assert_problem(await api.post(PATH, json=ask, headers=OPERATOR), 422, "INVALID")
    assert problem["errors"]


async def test_buyers_see_no_bills(api: httpx.AsyncClient) -> None:
    assert_problem(await api.get(PATH, headers=ADA), 403, "FORBIDDEN")
    ask = {"day": YESTERDAY.isoformat()}
    assert_problem(await api.post(PATH, json=ask, headers=ADA), 403, "FORBIDDEN")
