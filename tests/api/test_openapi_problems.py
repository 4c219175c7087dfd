"""How a route's refusals get into the document."""

from typing import Any

import pytest

from api.openapi_problems import add_refusals, problem_schemas, refuses
from api.problems import KINDS, MEDIA_TYPE
from domain.errors import ErrorCode


def refusals(path: str = "/v1/orders", **operation: Any) -> dict[str, Any]:
    whole = {"tags": ["buyer"], "responses": {"200": {}, "422": {}}, **operation}
    add_refusals(path, whole)
    return {status: said for status, said in whole["responses"].items() if said}


def names(response: dict[str, Any]) -> list[str]:
    schema = response["content"][MEDIA_TYPE]["schema"]
    return [one["$ref"].rpartition("/")[2] for one in schema.get("oneOf", [schema])]


def test_what_asks_for_nothing_can_only_be_away_or_have_too_much_to_do() -> None:
    assert list(refusals()) == ["429", "503"]
    assert refusals(tags=["operations"]) == {}


def test_what_is_asked_for_may_be_missing_or_wrong() -> None:
    assert "401" in refusals(security=[{}])
    assert "403" in refusals("/v1/operator/orders")
    assert "404" in refusals("/v1/orders/{order_id}")
    assert list(refusals(requestBody={})) == ["413", "415", "422", "429", "503"]
    webhook = refusals("/v1/webhooks/alipay", requestBody={}, responses={})
    assert list(webhook) == ["413", "429", "503"]


@pytest.mark.parametrize(
    ("parameter", "can_be_wrong"),
    [
        ({"in": "path", "schema": {"type": "string"}}, False),
        ({"in": "path", "schema": {"type": "integer"}}, True),
        ({"in": "query", "schema": {"type": "string"}}, True),
    ],
)
def test_no_text_in_a_path_is_invalid(parameter: dict[str, Any], can_be_wrong: bool) -> None:
    assert ("422" in refusals(parameters=[parameter])) == can_be_wrong


def test_codes_of_one_status_stand_side_by_side() -> None:
    own = refuses(ErrorCode.ENDED, ErrorCode.PAUSED, ErrorCode.OVERLOADED)

    answers = refusals(**own)

    assert names(answers["409"]) == ["EndedProblem", "PausedProblem"]
    assert names(answers["503"]) == ["OverloadedProblem", "UnavailableProblem"]
    assert answers["503"]["headers"]["Retry-After"]["required"] is True


def test_what_a_route_answers_of_its_own_stays() -> None:
    own = {"503": {"description": "fail", "content": {"text/plain": {}}}}

    answer = refusals(responses=own)["503"]

    assert answer["description"] == "fail"
    assert list(answer["content"]) == ["text/plain", MEDIA_TYPE]
    assert answer["headers"]["Retry-After"]["required"] is False


def test_every_code_has_a_schema() -> None:
    schemas = problem_schemas()

    for code in ErrorCode:
        own = next(one for one in schemas.values() if one.get("title") == KINDS[code].title)
        assert {"properties": {"code": {"const": code.value}}} in own["allOf"]
