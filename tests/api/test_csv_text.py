"""What a spreadsheet opens must stay text, and must be read back as it was written."""

import csv
import io
from datetime import UTC, datetime

import pytest

from api.csv_text import csv_text


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_a_formula_is_text(name: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_text([[name]]), newline=""))

    assert row == [f"'{name}"]


def test_all_else_is_read_back_as_it_was() -> None:
    text = csv_text([["a", "b"], ['to "Ada", home', 7], [None, datetime(2030, 1, 1, tzinfo=UTC)]])

    assert text.endswith("\r\n")
    assert list(csv.reader(text.splitlines())) == [
        ["a", "b"],
        ['to "Ada", home', "7"],
        ["", "2030-01-01T00:00:00+00:00"],
    ]
