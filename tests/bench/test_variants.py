"""The same bench in several environments, in turns."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.variants import NoVariant, TurnFailed, VariantsReport, in_turns, read_variants, run_turn
from tests.support.bench_reports import a_report


def test_a_variant_is_a_name_and_its_environment() -> None:
    assert read_variants(["plain=", "big=A=1,B=x=y"]) == {
        "plain": {},
        "big": {"A": "1", "B": "x=y"},
    }


def test_one_alone_is_compared_with_what_is() -> None:
    assert read_variants(["big=A=1"]) == {"as it is": {}, "big": {"A": "1"}}


@pytest.mark.parametrize("written", [["big"], ["=A=1"], ["big=A"], ["a=A=1", "a=A=2"]])
def test_what_is_no_variant_is_refused(written: list[str]) -> None:
    with pytest.raises(NoVariant, match="is no variant"):
        read_variants(written)


def test_who_is_second_in_one_turn_is_first_in_the_next() -> None:
    assert list(in_turns(["a", "b"], 3)) == ["a", "b", "b", "a", "a", "b"]


def test_medians_stand_beside_ratios_of_the_same_turn() -> None:
    slow_then_quick = tuple(a_report(per_second=rate) for rate in (10, 100, 20))
    twice_that = tuple(a_report(per_second=rate) for rate in (20, 200, 40))
    report = VariantsReport(
        environments={"a": {}, "b": {"X": "1"}}, turns={"a": slow_then_quick, "b": twice_that}
    )
    name = "order paid, per second"
    assert report.compared()[name] == {"a": 20, "b": 40}
    assert report.ratios(name) == {"a": 1, "b": 2}


def test_a_turn_is_a_bench_of_its_own_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[list[str], str]] = []

    def run(command: list[str], **how: Any) -> "subprocess.CompletedProcess[bytes]":
        ran.append((list(command[3:-1]), how["env"]["X"]))
        Path(command[-1]).write_text(json.dumps(a_report().model_dump(mode="json")))
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(subprocess, "run", run)
    assert run_turn({"X": "1"}, ["--only", "posts"]) == a_report()
    assert ran == [(["bench", "--only", "posts", "--json"], "1")]


def test_a_turn_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: Any = subprocess.CompletedProcess([], 1, b"", b"no such thing")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(TurnFailed, match="no such thing"):
        run_turn({}, [])
