"""Variants side by side on a terminal."""

from io import StringIO

from rich.console import Console

from bench.show_variants import print_variants
from bench.variants import VariantsReport
from tests.support.bench_reports import a_report


def test_each_headline_has_its_medians_and_ratios() -> None:
    turns = {"as it is": (a_report(per_second=10),), "big": (a_report(per_second=15),)}
    out = StringIO()
    print_variants(Console(file=out, width=120), VariantsReport(environments={}, turns=turns))
    lines = out.getvalue().splitlines()
    (row,) = [line for line in lines if "order paid, per second" in line]
    assert [cell.strip() for cell in row.split("│")[2:5]] == ["10", "15", "1.50"]
    assert lines[-1] == "Others had 25% to 25% of the processors before a turn"
