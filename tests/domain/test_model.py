import pytest
from pydantic import ValidationError

from domain.model import Value


class Point(Value):
    x: int
    y: int = 0


def test_a_value_does_not_change() -> None:
    with pytest.raises(ValidationError):
        Point(x=1).x = 2  # type: ignore[misc]


def test_what_was_written_with_other_fields_is_still_read() -> None:
    assert Point.model_validate({"x": 1, "z": 3}) == Point(x=1, y=0)
