"""The sale goes on while Postgres or Temporal is away, and says so truthfully when it cannot."""

from typing import Any

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.api.conftest import ADA, OPERATOR, served
from tests.support.buyers import assert_problem, click, order_id
from tests.support.gate import stock_left
from tests.support.shop import Shop

NOWHERE: dict[str, dict[str, Any]] = {
    "redis": {"redis_url": "redis://127.0.0.1:1/0", "redis_timeout_seconds": 0.5},
    "postgres": {"postgres_dsn": "postgresql://nobody@127.0.0.1:1/none"},
}


def without(settings: Settings, *names: str) -> Settings:
    changes: dict[str, Any] = {}
    for name in names:
        changes |= NOWHERE[name]
    return settings.model_copy(update=changes)


async def test_orders_are_accepted_without_postgres_and_temporal(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(without(settings, "postgres"))) as api:
        answers = [await click(api, shop, quantity=2), await click(api, shop)]

        assert [answer.status_code for answer in answers] == [202, 409]
        assert (await api.get("/readyz")).status_code == 200
    assert await stock_left(shop.gate, shop.item.ref) == 3


async def test_without_redis_nothing_is_accepted(settings: Settings, shop: Shop) -> None:
    async with served(create_app(without(settings, "redis"))) as api:
        assert_problem(await click(api, shop), 503, "UNAVAILABLE")

        ready = await api.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["dependencies"]["redis"]["ok"] is False
        assert ready.json()["dependencies"]["postgres"]["ok"] is True


async def test_without_redis_sales_are_still_shown(settings: Settings, shop: Shop) -> None:
    async with served(create_app(without(settings, "redis"))) as api:
        view = await api.get(f"/v1/sales/{shop.sale.sale_id}")

    assert view.json()["items"][0]["remaining"] == 5


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


async def test_without_temporal_orders_cannot_be_changed(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(settings)) as api:
        path = f"/v1/orders/{await order_id(api, shop)}"

        for call, body in (("payments", {"method": "alipay"}), ("cancel", {"reason": "no"})):
            answer = await api.post(f"{path}/{call}", json=body, headers=ADA)
            assert_problem(answer, 503, "UNAVAILABLE")
        assert (await api.get(path, headers=ADA)).json()["status"] == "queued"
        ready = (await api.get("/readyz")).json()
    assert ready["ok"] is True
    assert ready["dependencies"]["temporal"]["ok"] is False


async def test_everything_ready_is_named(api: httpx.AsyncClient) -> None:
    ready = await api.get("/readyz")

    assert ready.status_code == 200
    assert {name: check["ok"] for name, check in ready.json()["dependencies"].items()} == {
        "redis": True,
        "postgres": True,
        "temporal": True,
    }


async def test_alive_needs_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(without(settings, "redis", "postgres"))) as api:
        assert (await api.get("/healthz")).status_code == 200


@pytest.mark.parametrize("changes", [{"jwt_secret": ""}, {"jwt_secret": "", "dev_login": False}])
def test_an_api_that_could_check_no_token_does_not_start(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="SECKILL_JWT"):
        create_app(Settings(**changes))
