"""The gate's answers, byte by byte."""

import json

import pytest

from api.gate_answers import ACCEPTED, accepted, plainly_refused, refused
from api.problems import KINDS, problem_bytes, problem_response
from domain.errors import ErrorCode, Refusal

ORDER_ID = "01K00000000001000000000000"


def test_an_accepted_order_is_named_in_body_and_location() -> None:
    answer = accepted(ORDER_ID)

    assert (answer.verdict, answer.status) == (ACCEPTED, 202)
    assert json.loads(answer.body) == {"order_id": ORDER_ID, "status": "queued"}
    assert dict(answer.headers) == {
        b"content-type": b"application/json",
        b"content-length": str(len(answer.body)).encode(),
        b"location": f"/v1/orders/{ORDER_ID}".encode(),
    }


@pytest.mark.parametrize("code", ErrorCode)
@pytest.mark.parametrize("more", [{}, {"order_id": ORDER_ID}], ids=["plain", "with a member"])
def test_a_refusal_is_the_one_every_route_would_give(code: ErrorCode, more: dict[str, str]) -> None:
    refusal = Refusal(code, **more)
    elsewhere = problem_response(refusal)

    answer = refused(refusal)

    assert (answer.verdict, answer.status) == (code.value, KINDS[code].status)
    assert answer.body == problem_bytes(refusal, answer.status) == elsewhere.body
    assert sorted(answer.headers) == sorted(elsewhere.raw_headers)


def test_a_plain_refusal_is_made_once() -> None:
    assert refused(Refusal(ErrorCode.SOLD_OUT)) is plainly_refused(ErrorCode.SOLD_OUT)
    assert refused(Refusal(ErrorCode.SOLD_OUT, "gone")) is not plainly_refused(ErrorCode.SOLD_OUT)
