"""Variants side by side on a terminal."""

from rich.console import Console
from rich.table import Table

from bench.variants import VariantsReport


def print_variants(console: Console, report: VariantsReport) -> None:
    """Medians of all turns; the ratios are to the first variant, turn by turn."""
    first, *others = report.turns
    table = Table(title="In turns", title_justify="left")
    for name in ("", first, *(name for other in others for name in (other, "ratio"))):
        table.add_column(name, justify="right" if name else "left")
    for headline, medians in report.compared().items():
        ratios = report.ratios(headline)
        cells = [
            cell for other in others for cell in (f"{medians[other]:.4g}", f"{ratios[other]:.2f}")
        ]
        table.add_row(headline, f"{medians[first]:.4g}", *cells)
    console.print()
    console.print(table)
    busy = [turn.machine.busy_before for turns in report.turns.values() for turn in turns]
    console.print(f"Others had {min(busy):.0%} to {max(busy):.0%} of the processors before a turn")
