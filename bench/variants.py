"""The same bench in two or more environments, in turns: A B B A.

A machine that others use is slow for a minute and quick in the next. Turns let that hit all
variants alike; each turn is a run of its own, on a stack of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from bench.report import BenchReport
from domain.model import Value
from practice.stack.home import PROJECT

Environments = dict[str, dict[str, str]]


class NoVariant(ValueError):
    """The message says how one is written."""


class TurnFailed(Exception):
    """A run of one variant did not end well. The message is the end of what it said."""


class VariantsReport(Value):
    """What each variant found, turn by turn."""

    environments: Environments
    turns: dict[str, tuple[BenchReport, ...]]

    def compared(self) -> dict[str, dict[str, float]]:
        """Of each headline, each variant's median."""
        found: dict[str, dict[str, float]] = {}
        for variant, reports in self.turns.items():
            headlines = [report.headlines() for report in reports]
            for name in headlines[0] if headlines else ():
                values = [one[name] for one in headlines if name in one]
                found.setdefault(name, {})[variant] = median(values)
        return found

    def ratios(self, headline: str) -> dict[str, float]:
        """To the first variant: the median of the ratios turn by turn."""
        first, *_ = self.turns
        return {
            variant: median(
                _ratio(ours.headlines(), other.headlines(), headline)
                for ours, other in zip(reports, self.turns[first], strict=True)
            )
            for variant, reports in self.turns.items()
        }


def read_variants(written: Sequence[str]) -> Environments:
    """`NAME=ENV=VALUE[,ENV=VALUE…]`; `NAME=` changes nothing. Raises NoVariant."""
    found: Environments = {}
    for text in written:
        name, equals, changes = text.partition("=")
        pairs = [change.partition("=") for change in changes.split(",") if change]
        if not name or not equals or name in found or any(not eq for _, eq, _ in pairs):
            raise NoVariant(
                f"{text!r} is no variant: NAME=ENV=VALUE,ENV=VALUE with a name of its own"
            )
        found[name] = {variable: value for variable, _, value in pairs}
    if len(found) == 1:
        found = {"as it is": {}, **found}
    return found


def in_turns(names: Sequence[str], turns: int) -> Iterator[str]:
    """A B B A A B …: who is second in one turn is first in the next."""
    for turn in range(turns):
        yield from names if turn % 2 == 0 else reversed(names)


def run_turn(environment: Mapping[str, str], arguments: Sequence[str]) -> BenchReport:
    """One whole bench, in a process of its own. Raises TurnFailed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "turn.json"
        command = (sys.executable, "-m", "cli", "bench", *arguments, "--json", str(file))
        ended = subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **environment},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        if ended.returncode:
            raise TurnFailed(ended.stderr.decode(errors="replace")[-2000:])
        return BenchReport.model_validate(json.loads(file.read_text()))


def _ratio(ours: Mapping[str, float], other: Mapping[str, float], headline: str) -> float:
    return ours[headline] / other[headline] if other.get(headline) else float("nan")
