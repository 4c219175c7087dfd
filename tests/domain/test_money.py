import pytest

from domain.money import from_yuan, to_yuan

SAME = [(0, "0.00"), (1, "0.01"), (99, "0.99"), (100, "1.00"), (8800, "88.00"), (-5, "-0.05")]


@pytest.mark.parametrize(("minor", "text"), SAME)
def test_fen_and_yuan_are_the_same_money(minor: int, text: str) -> None:
    assert to_yuan(minor) == text
    assert from_yuan(text) == minor


@pytest.mark.parametrize(("text", "minor"), [("88", 8800), ("88.5", 8850), ("1.15", 115)])
def test_yuan_may_be_written_shorter(text: str, minor: int) -> None:
    assert from_yuan(text) == minor


def test_no_amount_is_too_large_to_be_exact() -> None:
    assert from_yuan("90071992547409.93") == 9007199254740993


@pytest.mark.parametrize("text", ["0.001", "88.005", "NaN", "Infinity", "", "88,00", "eighty"])
def test_what_is_no_whole_number_of_fen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an? "):
        from_yuan(text)
