"""What `seckill up` and `seckill status` say in a terminal."""

from pathlib import Path

import pytest

from practice.stack.process import RunningProcess
from practice.stack.show import print_addresses, print_status, report_death
from practice.stack.stack_file import StackFile
from practice.stack.status import DIED, RUNNING, PartStatus


def test_addresses_are_listed_and_what_does_not_run_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack = StackFile(
        api_url="http://api", temporal_address="t:1", temporal_ui_url=None, redis_url="redis://r",
        postgres_dsn="postgresql://p", sandbox_url=None, sandbox_keys_dir=None,
        operator_token="secret token", log_dir=Path("logs"), pids={},
    )  # fmt: skip
    print_addresses(stack)
    said = capsys.readouterr().out
    assert "API          http://api (documentation at /docs)" in said
    assert "Payments" not in said
    assert "secret token" not in said


def test_a_death_is_told_with_the_end_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "redis.log"
    log.write_text("the disk is on fire\n")
    report_death(RunningProcess(name="redis", pid=7, created=0.0, address="", log=log))
    said = capsys.readouterr().err
    assert "redis (pid 7) has died" in said
    assert "| the disk is on fire" in said


def test_a_piped_status_folds_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    address = "postgresql://postgres@127.0.0.1:20000/" + "x" * 60
    print_status(
        [
            PartStatus(name="postgres", state=RUNNING, pid=1, address=address),
            PartStatus(name="redis", state=DIED),
        ]
    )
    said = capsys.readouterr().out
    assert address in said
    assert "died" in said
