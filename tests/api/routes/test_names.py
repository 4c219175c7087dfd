"""What a path may name."""

import pytest

from api.routes.names import is_name, known_name
from domain.errors import ErrorCode, Refusal


@pytest.mark.parametrize("text", ["a", "0000000000ABCDEF", "sku-1_b", "x" * 64])
def test_a_name_is_taken_as_it_is(text: str) -> None:
    assert is_name(text)
    assert known_name(text) == text


@pytest.mark.parametrize("text", ["", "a b", "a/b", "..", "a\n", "\0", "茶", "x" * 65])
def test_what_cannot_be_a_name_is_unknown_and_no_error(text: str) -> None:
    assert not is_name(text)
    with pytest.raises(Refusal) as refusal:
        known_name(text)
    assert refusal.value.code is ErrorCode.NOT_FOUND
