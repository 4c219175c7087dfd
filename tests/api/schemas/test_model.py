"""Texts and names as they may come in."""

import json
import pkgutil
from importlib import import_module
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import api.schemas
from api.schemas.model import (
    Amount,
    Body,
    Day,
    DecisionBody,
    Moment,
    Name,
    Note,
    Reason,
    ReasonBody,
    Text,
    UserId,
    trimmed,
)
from infra.gateways.wire import Fen, yuan


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Name, ["a", "A-b_9", "x" * 64], ["", "a b", "a/b", "茶", "a\n", "x" * 65]),
        (Text, ["茶", "x" * 200], ["", "a\0", "a\n", "x" * 201]),
        (Text, ["7", "👩‍🚀", "a/b=c"], [" ", "\u3000\u200b", "/=&", "...", "\u202e"]),
        (Reason, ["ok", "x" * 500], ["", " ", "\u2060", "!!", "x" * 501]),
        (Note, ["", "it's fine", "x" * 500], ["a\tb", "\x7f", "\x85", "x" * 501]),
        (UserId, ["陈 静", "x" * 128], ["", "a\r", "x" * 129, "a\u200b", "a\u202eb"]),
    ],
)
def test_no_text_brings_control_characters(kind: Any, good: list[str], bad: list[str]) -> None:
    adapter = TypeAdapter(kind)
    assert [adapter.validate_python(text) for text in good] == good
    for text in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\u3000 a b \u200b", "a b"),
        ("\u200fא\u200f", "א"),
        (" \u2060 ", ""),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("", ""),
    ],
)
def test_what_nobody_sees_around_a_text_goes(text: str, kept: str) -> None:
    assert trimmed(text) == kept
    assert TypeAdapter(Note).validate_python(text) == kept


GOOD_TIMES = [
    "2000-01-01T00:00:00Z",
    "2199-12-31T23:59:59.999999Z",
    "2026-11-11t10:00:00.5z",
    "2026-11-11T10:00:00+08:00",
    "2026-11-11T10:00:00-12:30",
]
BAD_TIMES: list[object] = [
    *("1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2000-01-01T00:00:00+00:01"),
    *("0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.999999Z"),
    *("2026-11-11", "2026-11-11T10:00:00", "2026-11-11 10:00:00Z", "20261111T100000Z"),
    *("2026-11-11T24:00:00Z", "2026-13-11T10:00:00Z", "2026-11-11T10:00Z", "now", "", "0"),
    *("２026-11-11T10:00:00Z", "2026-11-11T10:00:00Z\n", 0, 1.5, True, None, [], {}),
]


@pytest.mark.parametrize("text", GOOD_TIMES)
def test_a_time_is_one_of_rfc_3339(text: str) -> None:
    assert TypeAdapter(Moment).validate_python(text).isoformat()[:10] == text[:10]


@pytest.mark.parametrize("value", BAD_TIMES)
def test_what_is_no_time_or_beyond_all_clocks_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(value)


def test_a_day_is_one_of_rfc_3339() -> None:
    assert TypeAdapter(Day).validate_python("2026-11-11").isoformat() == "2026-11-11"
    for value in ("2026-11-11T00:00:00Z", "11.11.2026", "2026-02-30", "0", 0, 1_700_000_000, None):
        with pytest.raises(ValidationError):
            TypeAdapter(Day).validate_python(value)


@pytest.mark.parametrize(
    ("amount", "carried"), [(0, False), (1, True), (10**10, True), (10**10 + 1, False)]
)
def test_an_amount_is_what_both_providers_can_carry(amount: int, carried: bool) -> None:
    for bound in (Amount, Fen):
        if carried:
            assert TypeAdapter(bound).validate_python(amount) == amount
            assert yuan(f"{amount // 100}.{amount % 100:02}") == amount
        else:
            with pytest.raises(ValidationError):
                TypeAdapter(bound).validate_python(amount)


@pytest.mark.parametrize("body", [ReasonBody, DecisionBody])
def test_a_member_nobody_knows_is_refused(body: type[ReasonBody | DecisionBody]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        body.model_validate({"reason": "broken", "raeson": "x"})


def test_a_decision_needs_a_reason_and_a_wish_does_not() -> None:
    assert ReasonBody().reason == ""
    for body in ({}, {"reason": ""}, {"reason": " \u200b"}):
        with pytest.raises(ValidationError):
            DecisionBody.model_validate(body)


def _bodies(kind: type[Body] = Body) -> list[type[Body]]:
    return [one for sub in kind.__subclasses__() for one in (sub, *_bodies(sub))]


def test_each_body_shows_an_example_that_it_takes() -> None:
    for module in pkgutil.iter_modules(api.schemas.__path__):
        import_module(f"api.schemas.{module.name}")
    ours = [body for body in _bodies() if body.__module__.startswith("api.")]
    # An item is shown within its sale.
    shown = [body for body in ours if body.__name__ != "NewItemBody"]
    assert len(shown) > 8

    for body in shown:
        (example,) = body.model_json_schema()["examples"]
        read = body.model_validate_json(json.dumps(example))
        assert example.keys() == read.model_fields_set, body.__name__
