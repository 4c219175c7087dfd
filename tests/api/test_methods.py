"""HEAD is GET without the body, and 405 names every method there is."""

import httpx
import pytest

from tests.support.buyers import assert_problem, gate_path
from tests.support.callers import ADA, OPERATOR
from tests.support.shop import Shop

GOT = ("/v1/sales", "/v1/orders", "/v1/operator/sales", "/healthz", "/readyz", "/docs", "/metrics")


@pytest.mark.parametrize("path", GOT)
async def test_what_can_be_got_has_a_head(api: httpx.AsyncClient, path: str) -> None:
    whole = await api.get(path, headers=OPERATOR)
    head = await api.head(path, headers=OPERATOR)

    assert head.status_code == whole.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == whole.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == whole.headers["content-length"]
        assert set(head.headers) == set(whole.headers)


async def test_a_head_is_refused_where_getting_would_be(api: httpx.AsyncClient) -> None:
    for path, who, status in (
        ("/v1/orders", {}, 401),
        ("/v1/operator/orders", ADA, 403),
        ("/v1/sales/unknown", {}, 404),
        ("/v1/sales?limit=0", {}, 422),
    ):
        head = await api.head(path, headers=who)
        assert (head.status_code, head.content) == (status, b"")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/operator/sales", "GET, HEAD, POST"),
        ("PUT", "/v1/operator/audits", "GET, HEAD, POST"),
        ("PATCH", "/v1/operator/bills", "GET, HEAD, POST"),
        ("POST", "/v1/sales", "GET, HEAD"),
        ("OPTIONS", "/v1/sales", "GET, HEAD"),
        ("GET", "/v1/operator/points", "POST"),
        ("HEAD", "/v1/operator/points", "POST"),
        ("BREW", "/v1/operator/sales", "GET, HEAD, POST"),
        ("POST", "/docs", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_there_is_answered_with_those_that_are(
    api: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    answer = await api.request(method, path, headers=OPERATOR)

    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


async def test_the_gate_says_so_too(api: httpx.AsyncClient, shop: Shop) -> None:
    for method in ("GET", "PUT", "HEAD"):
        answer = await api.request(method, gate_path(shop), headers=ADA)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


async def test_a_refused_method_is_a_problem_document(api: httpx.AsyncClient) -> None:
    assert_problem(await api.delete("/v1/sales"), 405, "INVALID")
