"""A body is JSON, everywhere alike, and not too much of it."""

import httpx
import pytest

from api.request_body import MAX_BODY_BYTES, is_json
from tests.support.buyers import assert_problem, gate_path, order_id
from tests.support.callers import ADA, OPERATOR
from tests.support.gate import stock_left
from tests.support.operators import new_sale
from tests.support.shop import Shop

ONE = b'{"quantity": 1}'
OTHER_TYPES = (
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/jsonp",
    "json",
    "",
)


async def many(body: bytes) -> object:
    yield body


@pytest.mark.parametrize("media", OTHER_TYPES)
async def test_a_body_of_another_type_is_refused_alike(
    api: httpx.AsyncClient, shop: Shop, media: str
) -> None:
    accepted = await order_id(api, shop)
    left = await stock_left(shop.gate, shop.item.ref)
    calls = (
        (gate_path(shop), ADA, ONE),
        (f"/v1/orders/{accepted}/payments", ADA, b'{"method": "alipay"}'),
        (f"/v1/orders/{accepted}/cancel", ADA, b"{}"),
        ("/v1/operator/points", OPERATOR, b'{"user_id": "ada", "amount": 5, "reason": "hi"}'),
    )
    for path, who, body in calls:
        for content in (body, many(body)):
            answer = await api.post(
                path,
                content=content,  # type: ignore[arg-type]
                headers={**who, **({"Content-Type": media} if media else {})},
            )
            (error,) = assert_problem(answer, 415, "INVALID")["errors"]
            assert error["loc"] == ["header", "Content-Type"]
            assert answer.headers["accept-post"] == "application/json"
    assert await stock_left(shop.gate, shop.item.ref) == left


@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=UTF-8",
        'application/json;charset="utf-8"',
    ],
)
async def test_json_is_read_however_it_is_spelt(
    api: httpx.AsyncClient, shop: Shop, media: str
) -> None:
    for path, who, body in (
        (gate_path(shop), ADA, ONE),
        ("/v1/operator/points", OPERATOR, b'{"user_id": "ada", "amount": 5, "reason": "hi"}'),
    ):
        answer = await api.post(path, content=body, headers={**who, "Content-Type": media})
        assert answer.is_success, answer.text


async def test_no_body_needs_no_type(api: httpx.AsyncClient, shop: Shop) -> None:
    accepted = await order_id(api, shop)

    answer = await api.post(f"/v1/operator/orders/{accepted}/recheck", headers=OPERATOR)

    # Temporal knows no such order yet: what matters is that the missing body was taken.
    assert_problem(answer, 503, "UNAVAILABLE")


async def test_two_types_are_none(api: httpx.AsyncClient, shop: Shop) -> None:
    types = [("Content-Type", "text/plain"), ("Content-Type", "application/json")]

    answer = await api.post(gate_path(shop), content=ONE, headers=[*ADA.items(), *types])

    assert_problem(answer, 415, "INVALID")


async def test_who_may_not_call_hears_that_first_at_the_gate(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    answer = await api.post(gate_path(shop), content=ONE, headers={"Content-Type": "text/plain"})

    assert_problem(answer, 401, "UNAUTHENTICATED")


async def test_a_path_that_is_not_there_is_told_before_the_type(api: httpx.AsyncClient) -> None:
    plain = {"Content-Type": "text/plain"}

    assert_problem(await api.post("/v1/nothing", content=b"x", headers=plain), 404, "NOT_FOUND")
    assert_problem(await api.post("/v1/sales", content=b"x", headers=plain), 405, "INVALID")


async def test_a_huge_body_is_refused_on_every_route(api: httpx.AsyncClient) -> None:
    for path, body in (
        ("points", {"reason": "x" * (MAX_BODY_BYTES + 1)}),
        ("sales", new_sale(name="x" * (1024 * 1024 + 1))),
    ):
        answer = await api.post(f"/v1/operator/{path}", json=body, headers=OPERATOR)

        assert_problem(answer, 413, "INVALID")


@pytest.mark.parametrize("media", [b"application/problem+json", b"application/json ; a=b"])
def test_relatives_of_json_are_json(media: bytes) -> None:
    assert is_json(media)
