"""The document a stranger starts from, and the page that shows it to people."""

from typing import Any

import httpx
import pytest

from api.app import create_app
from domain.errors import ErrorCode
from infra.settings import Settings
from tests.support.callers import SECRET
from tests.support.documented import Documented

CONTRACT = {
    ("get", "/v1/sales"),
    ("get", "/v1/sales/{sale_id}"),
    ("post", "/v1/sales/{sale_id}/items/{sku_id}/orders"),
    ("get", "/v1/orders"),
    ("get", "/v1/orders/{order_id}"),
    ("post", "/v1/orders/{order_id}/payments"),
    ("post", "/v1/orders/{order_id}/cancel"),
    ("post", "/v1/orders/{order_id}/refunds"),
    ("post", "/v1/webhooks/alipay"),
    ("post", "/v1/webhooks/wechatpay"),
    ("get", "/v1/payments/alipay/return"),
    ("post", "/v1/operator/sales"),
    ("get", "/v1/operator/sales/{sale_id}"),
    ("post", "/v1/operator/sales/{sale_id}/publish"),
    ("get", "/v1/operator/sales/{sale_id}/dashboard"),
    ("get", "/v1/operator/sales/{sale_id}/preflight"),
    ("get", "/v1/operator/orders"),
    ("get", "/v1/operator/orders.csv"),
    ("post", "/v1/operator/orders/{order_id}/extend"),
    ("post", "/v1/operator/orders/{order_id}/recheck"),
    ("post", "/v1/operator/orders/{order_id}/cancel"),
    ("post", "/v1/operator/orders/{order_id}/refund"),
    ("post", "/v1/operator/refunds/{refund_id}/retry"),
    ("post", "/v1/operator/refunds/{refund_id}/resolve"),
    ("post", "/v1/operator/orders/{order_id}/deliveries/{kind}/retry"),
    ("post", "/v1/operator/orders/{order_id}/deliveries/{kind}/skip"),
    ("get", "/v1/operator/approvals"),
    ("post", "/v1/operator/approvals/{approval_id}/approve"),
    ("post", "/v1/operator/approvals/{approval_id}/refuse"),
    ("get", "/v1/operator/attention"),
    ("post", "/v1/operator/attention/{attention_id}/resolve"),
    ("post", "/v1/operator/attention/{attention_id}/retry"),
    ("get", "/v1/operator/notices"),
    ("post", "/v1/operator/notices/{notice_id}/replay"),
    ("get", "/v1/operator/audits"),
    ("post", "/v1/operator/audits"),
    ("get", "/v1/operator/bills"),
    ("post", "/v1/operator/bills"),
    ("get", "/v1/me/points"),
    ("get", "/v1/orders/{order_id}/events"),
    ("get", "/v1/orders/{order_id}/ws"),
    ("get", "/v1/me/events"),
    ("get", "/v1/sales/{sale_id}/items/{sku_id}/room/events"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}


async def test_openapi_names_every_call_of_the_contract(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    found = {(verb, path) for path, verbs in document["paths"].items() for verb in verbs}
    assert found >= CONTRACT


async def test_openapi_names_all_answers_and_nothing_of_fastapis_own(
    api: httpx.AsyncClient,
) -> None:
    document = (await api.get("/openapi.json")).json()

    for operation in _operations(document):
        responses = operation["responses"]
        assert "default" not in responses
        assert not any(name.startswith("x-") for name in operation)
        for status, response in responses.items():
            assert response["description"]
            problem = response.get("content", {}).get("application/problem+json")
            # Providers and browsers are answered in ways of their own.
            assert (
                int(status) < 400 or problem or {"providers", "operations"} & set(operation["tags"])
            )
    assert all(
        name.removeprefix("#/components/schemas/") in document["components"]["schemas"]
        for name in _references(document)
    )


async def test_each_call_is_described_and_stands_under_a_heading(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    headings = {tag["name"] for tag in document["tags"]}
    for operation in _operations(document):
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= headings | {"practice"}


async def test_a_code_says_what_it_adds(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]

    assert schemas["ErrorCode"]["enum"] == [code.value for code in ErrorCode]
    for name, members in {
        "InvalidMembers": {"errors"},
        "NotStartedMembers": {"starts_at"},
        "EndedMembers": {"ends_at"},
        "LimitReachedMembers": {"order_id"},
        "NotYourTurnMembers": {"place", "serving", "eta_seconds"},
        "InsufficientPointsMembers": {"balance", "needed"},
    }.items():
        assert set(schemas[name]["required"]) == members
    assert "order_status" in schemas["InvalidStateMembers"]["properties"]
    placed = document["paths"]["/v1/sales/{sale_id}/items/{sku_id}/orders"]["post"]["responses"]
    (refused,) = placed["409"]["content"].values()
    assert set(refused["schema"]["discriminator"]["mapping"]) == {
        *("NOT_STARTED", "ENDED", "PAUSED", "SOLD_OUT", "LIMIT_REACHED", "IDEMPOTENCY_MISMATCH"),
        "NOT_YOUR_TURN",
    }


async def test_headers_that_an_answer_has_are_named(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    for operation in _operations(document):
        responses = operation["responses"]
        if "401" in responses:
            assert "WWW-Authenticate" in responses["401"]["headers"]
        problem = "application/problem+json"
        if problem in responses.get("503", {}).get("content", {}):
            assert "Retry-After" in responses["503"]["headers"]
    for path, status in (
        ("/v1/operator/sales", "201"),
        ("/v1/sales/{sale_id}/items/{sku_id}/orders", "202"),
    ):
        assert "Location" in document["paths"][path]["post"]["responses"][status]["headers"]


async def test_every_body_is_closed(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    bodies = [
        content["schema"]
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if not path.startswith("/v1/webhooks/")
    ]
    assert len(bodies) > 10
    for body in bodies:
        for schema in body.get("anyOf", [body]):
            name = schema.get("$ref", "").rpartition("/")[2]
            whole = document["components"]["schemas"][name] if name else schema
            assert whole.get("additionalProperties") is False or whole.get("type") == "null", name


async def test_what_needs_a_token_says_so(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    assert "HTTPBearer" in document["components"]["securitySchemes"]
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            needs_token = any(part in path for part in ("/orders", "/operator/", "/me/", "/entry"))
            # Where a room is, everybody may see; a place in it is somebody's.
            needs_token |= path.endswith("/room") and verb != "get"
            assert ("security" in operation) == needs_token, path


async def test_one_name_is_spelt_one_way(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    headers = {
        parameter["name"]
        for operation in _operations(document)
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header"
    }
    assert headers == {"Idempotency-Key", "If-Match", "Last-Event-ID", "X-Entry-Token"}


async def test_the_docs_are_there_for_people(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")

    assert page.status_code == 200
    assert "/openapi.json" in page.text


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for operations in document["paths"].values() for one in operations.values()]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [name for part in value.values() for name in _references(part)]
    if isinstance(value, list):
        return [name for part in value for name in _references(part)]
    return []


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (418, {}, "418 is not documented"),
        (200, {"sale_id": "any"}, "required property"),
        (404, {}, "application/json is not documented"),
    ],
)
async def test_an_answer_that_is_not_promised_fails_its_test(
    status: int, body: object, found: str
) -> None:
    """Every test of the API looks at its answers in this way, and would pass if it did not look."""
    asked = httpx.Request("GET", "http://localhost/v1/sales/any")
    answer = httpx.Response(status, json=body, request=asked)

    with pytest.raises(AssertionError, match=found):
        await Documented(create_app(Settings(jwt_secret=SECRET))).check(answer)
