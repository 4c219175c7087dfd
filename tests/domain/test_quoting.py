"""Words of others are shown, and do nothing."""

import pytest

from domain.quoting import quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("too dear", "`too dear`"),
        ("[sign in](https://evil.example)", "`[sign in](https://evil.example)`"),
        ("a` https://evil.example `b", "`a' https://evil.example 'b`"),
        ("``", "`''`"),
        ("one\n\n# two\r\n- three\u2028four", "`one # two - three four`"),
    ],
)
def test_whatever_it_holds_it_is_one_code_span(text: str, shown: str) -> None:
    assert quoted(text) == shown
    assert quoted(text).count("`") == 2
    assert "\n" not in quoted(text)


def test_where_nothing_is_said_nothing_is_shown() -> None:
    assert quoted(" \n") == ""
