"""Everything that is not a success is a problem document that gives nothing away."""

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import OPERATOR, served
from tests.support.outages import without
from tests.support.shop import Shop


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1/orders/", "/v1/sales/a/items/b/orders/c", "/%00"]
)
async def test_an_unknown_path_is_a_problem_too(api: httpx.AsyncClient, path: str) -> None:
    assert_problem(await api.get(path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/v1/sales"), ("PUT", "/healthz"), ("GET", "/v1/webhooks/alipay")],
)
async def test_a_method_nobody_offers_is_a_problem_too(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await api.request(method, path)

    assert_problem(answer, 405, "INVALID")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/sales"),
        ("GET", "/v1/sales/anysale"),
        ("GET", "/v1/orders"),
        ("GET", "/v1/operator/sales"),
        ("GET", "/v1/operator/orders"),
        ("GET", "/v1/operator/attention"),
        ("GET", "/v1/operator/notices"),
        ("GET", "/v1/operator/audits"),
        ("POST", "/v1/operator/sales/anysale/publish"),
    ],
)
async def test_without_postgres_the_answer_is_to_come_back(
    settings: Settings, shop: Shop, method: str, path: str
) -> None:
    async with served(create_app(without(settings, "postgres"))) as api:
        answer = await api.request(method, path, headers=OPERATOR)

    problem = assert_problem(answer, 503, "UNAVAILABLE")
    assert "127.0.0.1" not in answer.text
    assert "Traceback" not in str(problem)
