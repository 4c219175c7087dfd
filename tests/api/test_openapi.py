"""The document a stranger starts from, and the page that shows it to people."""

from typing import Any

import httpx

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
    ("get", "/v1/operator/orders"),
    ("post", "/v1/operator/orders/{order_id}/extend"),
    ("post", "/v1/operator/orders/{order_id}/recheck"),
    ("post", "/v1/operator/orders/{order_id}/cancel"),
    ("post", "/v1/operator/orders/{order_id}/refund"),
    ("post", "/v1/operator/refunds/{refund_id}/retry"),
    ("post", "/v1/operator/refunds/{refund_id}/resolve"),
    ("post", "/v1/operator/orders/{order_id}/deliveries/{kind}/retry"),
    ("post", "/v1/operator/orders/{order_id}/deliveries/{kind}/skip"),
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
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}


async def test_openapi_names_every_call_of_the_contract(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    found = {(verb, path) for path, verbs in document["paths"].items() for verb in verbs}
    assert found >= CONTRACT


async def test_openapi_promises_problems_and_nothing_of_fastapis_own(
    api: httpx.AsyncClient,
) -> None:
    document = (await api.get("/openapi.json")).json()

    for verbs in document["paths"].values():
        for operation in verbs.values():
            content = operation["responses"]["default"]["content"]
            assert list(content) == ["application/problem+json"]
            assert "422" not in operation["responses"]
    assert all(
        name.removeprefix("#/components/schemas/") in document["components"]["schemas"]
        for name in _references(document)
    )


async def test_what_needs_a_token_says_so(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    assert "HTTPBearer" in document["components"]["securitySchemes"]
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            needs_token = any(part in path for part in ("/orders", "/operator/", "/me/"))
            assert ("security" in operation) == needs_token, path


async def test_the_docs_are_there_for_people(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")

    assert page.status_code == 200
    assert "/openapi.json" in page.text


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [name for part in value.values() for name in _references(part)]
    if isinstance(value, list):
        return [name for part in value for name in _references(part)]
    return []
