"""What is wrong with a request is told in words, and nothing of the request is told."""

import pytest
from pydantic import TypeAdapter, ValidationError

from api.schemas.model import Body, Name, Text
from api.validation import MAX_ERRORS, MAX_TEXT, validation_errors


def test_errors_are_few_and_short_and_quote_nothing() -> None:
    error = {"loc": ("body", "n" * 500, 3), "msg": "m" * 500, "type": "t", "input": "secret"}

    told = validation_errors([error] * 50)

    assert len(told) == MAX_ERRORS
    assert told[0] == {"loc": ["body", "n" * MAX_TEXT, 3], "msg": "m" * MAX_TEXT, "type": "t"}


class Parcel(Body):
    sku_id: Name = "a"
    title: Text = "a"
    weight: int


@pytest.mark.parametrize(
    ("document", "member", "words"),
    [
        ({"sku_id": "a b"}, "sku_id", "1 to 64 letters, digits, hyphens and underscores"),
        ({"title": "a\0"}, "title", "control characters are not allowed"),
        ({"title": "\u200b"}, "title", "a letter, a digit or a picture is needed"),
        ({"weight": "x"}, "weight", "valid integer"),
        ({"wieght": 1}, "wieght", "there is no such member"),
        ({}, "weight", "this is needed"),
    ],
)
def test_errors_are_words_for_people(document: object, member: str, words: str) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Parcel).validate_python({"weight": 1, **document} if document else {})  # type: ignore[dict-item]

    (told,) = validation_errors(error.value.errors())

    assert told["loc"] == [member]
    assert words in str(told["msg"])
    assert "Value error" not in str(told["msg"])
