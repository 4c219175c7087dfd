"""What `seckill chaos` leaves behind."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from practice.chaos import command
from practice.chaos.plan import ChaosPlan
from practice.chaos.report import ChaosReport, StruckRound
from practice.stack.home import Home
from practice.stack.startup import StackFailed
from tests.support.chaos_reports import chaos_report, struck_round


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[ChaosReport | Exception], None]:
    """What a run comes to, in which nothing is struck."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def set_end(end: ChaosReport | Exception) -> None:
        async def chaos(
            _: ChaosPlan, home: Home, tell: Callable[[StruckRound], None]
        ) -> ChaosReport:
            home.create()
            if isinstance(end, Exception):
                raise end
            tell(end.rounds[0])
            return end

        monkeypatch.setattr(command, "chaos", chaos)

    return set_end


@pytest.mark.parametrize(("keep", "left"), [(False, 0), (True, 1)])
def test_what_held_leaves_nothing_unless_told_to(
    tmp_path: Path,
    ends_with: Callable[[ChaosReport], None],
    capsys: pytest.CaptureFixture[str],
    keep: bool,
    left: int,
) -> None:
    ends_with(chaos_report())
    report_file = tmp_path / "chaos.json"

    code = command.show_chaos(tmp_path / "homes", ChaosPlan(), report_file, keep=keep)

    assert code == command.HELD
    assert len(list((tmp_path / "homes").iterdir())) == left
    assert ChaosReport.model_validate_json(report_file.read_bytes()).ok
    assert "kill api 1.0 s: at rest after 1.0 s" in capsys.readouterr().out


def test_what_did_not_hold_leaves_its_logs_and_says_where(
    tmp_path: Path, ends_with: Callable[[ChaosReport], None], capsys: pytest.CaptureFixture[str]
) -> None:
    ends_with(chaos_report(rounds=(struck_round(unrest=("queued",)),)))

    assert command.show_chaos(tmp_path, ChaosPlan()) == command.BROKEN
    (home,) = tmp_path.iterdir()
    assert str(home / "logs") in capsys.readouterr().out


def test_a_stack_that_cannot_start_is_one_line(
    tmp_path: Path, ends_with: Callable[[Exception], None], capsys: pytest.CaptureFixture[str]
) -> None:
    ends_with(StackFailed("redis is not installed"))

    with pytest.raises(SystemExit):
        command.show_chaos(tmp_path, ChaosPlan())
    assert "redis is not installed" in capsys.readouterr().err
