"""Everything that is not a success is a problem document that gives nothing away."""

import json

import httpx
import pytest
from starlette.exceptions import HTTPException

from api.app import create_app
from api.problems import (
    KINDS,
    MEDIA_TYPE,
    http_problem,
    invalid,
    problem_bytes,
    problem_response,
    unavailable,
)
from domain.errors import ErrorCode, InvalidField, Refusal
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import OPERATOR, served
from tests.support.outages import without
from tests.support.shop import Shop


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_its_status_and_says_what_it_is(code: ErrorCode) -> None:
    response = problem_response(Refusal(code))

    document = json.loads(bytes(response.body))
    assert response.status_code == document["status"] == KINDS[code].status >= 400
    assert response.media_type == MEDIA_TYPE
    assert document["type"] == f"urn:seckill:problem:{code.value.lower()}"
    assert document["code"] == code
    assert document["title"] == document["detail"] == KINDS[code].title
    # Who has to come back is told when, who is not known is told how to say it.
    assert ("retry-after" in response.headers) == (response.status_code in (429, 503))
    assert ("www-authenticate" in response.headers) == (response.status_code == 401)


def test_a_refusal_brings_its_own_members() -> None:
    refusal = Refusal(ErrorCode.INVALID_STATE, "too late", order_status="paid", at=None)

    document = json.loads(problem_bytes(refusal, 409))

    assert (document["detail"], document["order_status"], document["at"]) == (
        "too late",
        "paid",
        None,
    )


def test_what_no_schema_can_judge_is_told_like_the_rest() -> None:
    document = json.loads(problem_bytes(invalid(["body", "day"], "too old", kind="day"), 422))

    assert document["errors"] == [{"loc": ["body", "day"], "msg": "too old", "type": "day"}]


def test_a_field_that_a_rule_refuses_is_told_where_it_stood() -> None:
    refused = InvalidField("amount", "800 is left of this payment")
    error = {"loc": ["body", "amount"], "msg": "800 is left of this payment", "type": "amount"}
    written_out = Refusal(ErrorCode.INVALID, "800 is left of this payment", errors=[error])

    assert problem_bytes(refused, 422) == problem_bytes(written_out, 422)


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (401, 401, "UNAUTHENTICATED"),
        (403, 403, "FORBIDDEN"),
        (404, 404, "NOT_FOUND"),
        (429, 429, "RATE_LIMITED"),
        (400, 422, "INVALID"),
        (405, 405, "INVALID"),
        (413, 413, "INVALID"),
        (418, 422, "INVALID"),
        (500, 503, "UNAVAILABLE"),
        (504, 503, "UNAVAILABLE"),
    ],
)
def test_what_http_refuses_has_a_code_as_well(status: int, answered: int, code: str) -> None:
    response = http_problem(HTTPException(status, headers={"Allow": "GET"}))

    assert response.status_code == answered
    assert json.loads(bytes(response.body))["code"] == code


@pytest.mark.parametrize("status", [400, 413])
def test_what_cannot_be_read_names_the_body(status: int) -> None:
    response = http_problem(HTTPException(status, "no"))

    (error,) = json.loads(bytes(response.body))["errors"]
    assert error["loc"] == ["body"]
    assert error["msg"]


@pytest.mark.parametrize(
    "path", ["/v1/sales", "/v1/orders", "/v1/operator/attention", "/v1/operator/bills"]
)
@pytest.mark.parametrize("cursor", ["", "x", "%20", "%", "a" * 201])
async def test_a_cursor_of_nobody_is_named(api: httpx.AsyncClient, path: str, cursor: str) -> None:
    answer = await api.get(f"{path}?cursor={cursor}", headers=OPERATOR)

    (error,) = assert_problem(answer, 422, "INVALID")["errors"]
    assert error["loc"] == ["query", "cursor"]
    assert "pattern" not in error["msg"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 60_000, b"\xff", b"\x00", b'"\\ud800'])
async def test_what_is_no_json_is_said_of_the_body(api: httpx.AsyncClient, body: bytes) -> None:
    headers = {**OPERATOR, "Content-Type": "application/json"}

    answer = await api.post("/v1/operator/points", content=body, headers=headers)

    (error,) = assert_problem(answer, 422, "INVALID")["errors"]
    assert error["loc"][0] == "body"
    assert error["msg"] in ("this is not JSON", "this is needed")


@pytest.mark.parametrize("error", [TimeoutError("10.0.0.7"), KeyError("10.0.0.7")])
def test_a_failure_tells_nothing_of_itself(error: Exception) -> None:
    response = unavailable("GET /v1/sales", error)

    assert response.status_code == 503
    assert b"10.0.0.7" not in bytes(response.body)


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
