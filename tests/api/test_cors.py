"""Pages of other origins: those that are named may call, and nobody else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings, UnusableSetting
from tests.support.buyers import gate_path
from tests.support.callers import ADA, served
from tests.support.shop import Shop

SHOP, OTHER = "https://shop.example", "https://shop.example.evil.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST"}
ALLOWED = "access-control-allow-origin"


@pytest.fixture
async def open_api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    named = {"cors_origins": f"{SHOP}, http://localhost:5173"}
    async with served(create_app(settings.model_copy(update=named))) as client:
        yield client


async def test_a_named_page_may_order_and_read_the_answer(
    open_api: httpx.AsyncClient, shop: Shop
) -> None:
    path, page = gate_path(shop), {"Origin": SHOP}

    asked = await open_api.options(path, headers={**page, **PREFLIGHT})
    ordered = await open_api.post(path, json={"quantity": 1}, headers={**ADA, **page})
    refused = await open_api.post(path, json={"quantity": 0}, headers={**ADA, **page})

    assert (asked.status_code, ordered.status_code, refused.status_code) == (204, 202, 422)
    assert {answer.headers[ALLOWED] for answer in (asked, ordered, refused)} == {SHOP}
    assert "idempotency-key" in asked.headers["access-control-allow-headers"].lower()
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "Location" in ordered.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in ordered.headers


@pytest.mark.parametrize("origin", [OTHER, "null", "http://shop.example", "https://SHOP.example"])
async def test_another_page_hears_what_it_heard_before(
    open_api: httpx.AsyncClient, shop: Shop, origin: str
) -> None:
    page = {"Origin": origin}

    asked = await open_api.options(gate_path(shop), headers={**page, **PREFLIGHT})
    seen = await open_api.get("/v1/sales", headers=page)

    assert (asked.status_code, seen.status_code) == (405, 200)
    assert not any(ALLOWED in answer.headers for answer in (asked, seen))


async def test_a_cache_tells_the_origins_apart(open_api: httpx.AsyncClient) -> None:
    assert (await open_api.get("/v1/sales")).headers["vary"] == "Origin"


async def test_unless_set_no_page_is_named(api: httpx.AsyncClient, shop: Shop) -> None:
    asked = await api.options(gate_path(shop), headers={"Origin": SHOP, **PREFLIGHT})
    seen = await api.get("/v1/sales", headers={"Origin": SHOP})

    assert asked.status_code == 405
    assert not any(
        ALLOWED in answer.headers or "vary" in answer.headers for answer in (asked, seen)
    )


@pytest.mark.parametrize(
    "named", ["*", "shop.example", "https://shop.example/", "null", SHOP + "/a"]
)
def test_what_is_no_origin_is_said_at_the_start(settings: Settings, named: str) -> None:
    with pytest.raises(UnusableSetting, match="SECKILL_CORS_ORIGINS"):
        create_app(settings.model_copy(update={"cors_origins": f"{SHOP} {named}"}))
