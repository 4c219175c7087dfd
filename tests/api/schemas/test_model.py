"""Texts and names as they may come in."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from api.schemas.model import DecisionBody, Name, Note, ReasonBody, Text, UserId


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Name, ["a", "A-b_9", "x" * 64], ["", "a b", "a/b", "茶", "a\n", "x" * 65]),
        (Text, ["茶", "x" * 200], ["", "a\0", "a\n", "x" * 201]),
        (Note, ["", "it's fine", "x" * 500], ["a\tb", "\x7f", "\x85", "x" * 501]),
        (UserId, ["陈 静", "x" * 128], ["", "a\r", "x" * 129]),
    ],
)
def test_no_text_brings_control_characters(kind: Any, good: list[str], bad: list[str]) -> None:
    adapter = TypeAdapter(kind)
    assert [adapter.validate_python(text) for text in good] == good
    for text in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)


def test_a_decision_needs_a_reason_and_a_wish_does_not() -> None:
    assert ReasonBody().reason == ""
    for body in ({}, {"reason": ""}):
        with pytest.raises(ValidationError):
            DecisionBody.model_validate(body)
