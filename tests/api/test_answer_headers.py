"""What every answer says besides itself."""

import httpx
import pytest

from api.answer_headers import NOT_KEPT, PUBLIC, dressed
from tests.support.buyers import click
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import drafted, published
from tests.support.shop import Shop

OWN: tuple[tuple[str, dict[str, str]], ...] = (
    ("/v1/orders", ADA),
    ("/v1/me/points", ADA),
    ("/v1/operator/orders", OPERATOR),
    ("/v1/operator/sales", OPERATOR),
    ("/v1/orders", {}),
    ("/v1/nothing", {}),
    ("/readyz", {}),
    ("/healthz", {}),
    ("/metrics", {}),
    ("/v1/sales?limit=0", {}),
    ("/v1/sales/unknown", {}),
)


@pytest.mark.parametrize(("path", "who"), OWN)
async def test_what_is_somebodys_own_is_kept_by_nobody(
    api: httpx.AsyncClient, path: str, who: dict[str, str]
) -> None:
    answer = await api.get(path, headers=who)

    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_the_same_for_all_may_be_kept_for_a_second(api: httpx.AsyncClient) -> None:
    sale_id = (await drafted(api))["sale_id"]
    await published(api, sale_id)

    for path in ("/v1/sales", f"/v1/sales/{sale_id}"):
        answer = await api.get(path)
        assert answer.headers["cache-control"] == "public, max-age=1"


async def test_the_gates_answers_are_dressed_as_all_others(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    for answer in (await click(api, shop), await click(api, shop, {})):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_pages_load_nothing_and_are_framed_by_nobody(api: httpx.AsyncClient) -> None:
    for path in ("/v1/payments/alipay/return", "/docs", "/redoc"):
        page = await api.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"


async def test_json_needs_no_policy_for_pages(api: httpx.AsyncClient) -> None:
    assert "content-security-policy" not in (await api.get("/healthz")).headers


def test_what_a_route_says_itself_stays() -> None:
    said = [(b"cache-control", b"private"), (b"content-security-policy", b"x")]
    page = [(b"content-type", b"text/html; charset=utf-8"), *said]

    headers = dressed("/v1/sales", 200, page)

    assert [value for name, value in headers if name == b"cache-control"] == [b"private"]
    assert [value for name, value in headers if name == b"content-security-policy"] == [b"x"]
    assert (b"x-frame-options", b"DENY") in headers


@pytest.mark.parametrize("template", [*PUBLIC, "none", "/v1/orders"])
def test_only_a_good_answer_is_kept(template: str) -> None:
    for status in (201, 304, 400, 404, 422, 503):
        assert (b"cache-control", NOT_KEPT) in dressed(template, status, [])
