"""Who may call what, and where a page begins."""

import httpx
import pytest

from domain.states import OrderStatus
from tests.support.buyers import (
    assert_problem,
    gate_path,
    order_id,
    status,
)
from tests.support.callers import ADA, OPERATOR, token
from tests.support.gate import stock_left
from tests.support.shop import Shop
from tests.support.tokens import BAD_AUTHORIZATIONS, part, soon

CALLS = (("GET", "/v1/orders"), ("GET", "/v1/operator/attention"))


@pytest.mark.parametrize("authorization", BAD_AUTHORIZATIONS.values(), ids=BAD_AUTHORIZATIONS)
async def test_what_proves_nobody_is_unauthenticated(
    api: httpx.AsyncClient, shop: Shop, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (*CALLS, ("POST", gate_path(shop))):
        answer = await api.request(method, path, headers=headers, json={"quantity": 1})
        assert_problem(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await stock_left(shop.gate, shop.item.ref) == 5


async def test_two_credentials_are_none(api: httpx.AsyncClient, shop: Shop) -> None:
    two = [("Authorization", ADA["Authorization"]), ("Authorization", OPERATOR["Authorization"])]
    for method, path in (*CALLS, ("POST", gate_path(shop))):
        for headers in (two, two[::-1], [two[0], two[0]]):
            answer = await api.request(method, path, headers=headers, json={"quantity": 1})
            assert_problem(answer, 401, "UNAUTHENTICATED")
    assert await stock_left(shop.gate, shop.item.ref) == 5


async def test_two_names_of_one_request_are_refused(api: httpx.AsyncClient, shop: Shop) -> None:
    keys = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    gift: dict[str, object] = {"user_id": "ada", "amount": 5, "reason": "welcome"}
    calls: tuple[tuple[str, dict[str, str], dict[str, object]], ...] = (
        (gate_path(shop), ADA, {"quantity": 1}),
        ("/v1/operator/points", OPERATOR, gift),
        ("/v1/operator/orders/any/refund", OPERATOR, {"reason": "a scratch"}),
    )
    for path, who, body in calls:
        answer = await api.post(path, headers=[*who.items(), *keys], json=body)
        assert_problem(answer, 422, "INVALID")


async def test_a_changed_claim_breaks_the_signature(api: httpx.AsyncClient) -> None:
    header, _, signature = token("ada").split(".")
    forged = f"{header}.{part({'sub': 'ada', 'roles': ['operator'], 'exp': soon()})}.{signature}"

    answer = await api.get("/v1/operator/attention", headers={"Authorization": f"Bearer {forged}"})

    assert_problem(answer, 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("user_id", ["a", "a" * 128, "陈 静", "o'neil@example.com", "42"])
async def test_a_user_id_is_up_to_128_printable_characters(
    api: httpx.AsyncClient, user_id: str
) -> None:
    answer = await api.get("/v1/orders", headers={"Authorization": f"Bearer {token(user_id)}"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "roles", [[], ["buyer"], "operator", {"operator": True}, None, [["operator"]]]
)
async def test_operators_are_those_whose_token_says_so(
    api: httpx.AsyncClient, roles: object
) -> None:
    headers = {"Authorization": f"Bearer {token('ada', roles=roles)}"}

    assert_problem(await api.get("/v1/operator/attention", headers=headers), 403, "FORBIDDEN")


async def test_buyers_are_no_operators(api: httpx.AsyncClient, shop: Shop) -> None:
    accepted = await order_id(api, shop)
    calls = (
        ("GET", "/v1/operator/orders"),
        ("GET", f"/v1/operator/orders/{accepted}"),
        ("POST", f"/v1/operator/orders/{accepted}/extend"),
        ("POST", f"/v1/operator/orders/{accepted}/cancel"),
        ("POST", "/v1/operator/sales"),
        ("POST", f"/v1/operator/sales/{shop.sale.sale_id}/publish"),
        ("GET", "/v1/operator/attention"),
        ("GET", "/v1/operator/notices"),
        ("POST", "/v1/operator/notices/abc/replay"),
        ("GET", "/v1/operator/audits"),
    )
    for method, path in calls:
        body = {"seconds": 60}
        assert_problem(await api.request(method, path, headers=ADA, json=body), 403, "FORBIDDEN")
    assert await status(api, accepted) == OrderStatus.QUEUED


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=ten", "cursor=%00", "cursor=!!!", "cursor=%E8%8C%B6"]
)
async def test_a_cursor_nobody_gave_out_is_invalid(api: httpx.AsyncClient, query: str) -> None:
    for path in ("/v1/sales", "/v1/orders", "/v1/operator/sales", "/v1/operator/notices"):
        answer = await api.get(f"{path}?{query}", headers=OPERATOR)
        assert_problem(answer, 422, "INVALID")
