"""What the providers' wires have in common."""

from datetime import UTC, datetime

import pytest

from infra.gateways.wire import clip, shanghai_time, to_shanghai, yuan


@pytest.mark.parametrize(("text", "fen"), [("0.01", 1), ("88", 8800), ("88.5", 8850)])
def test_plain_digits_are_money(text: str, fen: int) -> None:
    assert yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    ["", "-1.00", "1e2", "1.001", "NaN", " 1.00", "1,00", "８８.00", "99999999999", 88, None],
)
def test_anything_else_is_none(text: object) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        yuan(text)


def test_a_time_is_what_a_clock_in_shanghai_shows() -> None:
    assert shanghai_time("2026-11-11 10:00:00") == datetime(2026, 11, 11, 2, tzinfo=UTC)
    assert shanghai_time("2026-11-11 10:00:00.999").microsecond == 999_000


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-11-11T10:00:00+08:00", "0001-01-01 00:00:00", 0, None]
)
def test_a_time_with_a_zone_or_of_another_age_is_none(text: object) -> None:
    with pytest.raises(ValueError):
        shanghai_time(text)


def test_a_deadline_on_the_wire_is_never_later_than_ours() -> None:
    assert to_shanghai(datetime(2026, 11, 11, 2, 0, 0, 999_999, UTC)) == "2026-11-11 10:00:00"


def test_a_text_is_cut_between_characters() -> None:
    assert clip("秒杀", 5) == "秒"
    assert clip("ab", 5) == "ab"
    assert len(clip("秒" * 60, 127).encode()) == 126
