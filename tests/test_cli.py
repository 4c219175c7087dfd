"""`seckill`, its commands and what it refuses, in this process."""

import time
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from cli import app

COMMANDS = (
    *("up", "down", "status", "api", "worker", "migrate", "audit", "preflight", "token", "sandbox"),
    *("rush", "demo", "chaos", "bench", "bench-peers"),
)


@pytest.fixture
def seckill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("SECKILL_HOME", str(tmp_path / "home"))
    return CliRunner()


def test_help_names_every_command(seckill: CliRunner) -> None:
    printed = seckill.invoke(app, ["--help"]).output

    assert [command for command in COMMANDS if command not in printed] == []


@pytest.mark.parametrize("command", sorted({*COMMANDS} - {"sandbox"}))
def test_every_command_says_what_it_does(seckill: CliRunner, command: str) -> None:
    outcome = seckill.invoke(app, [command, "--help"])

    assert outcome.exit_code == 0
    assert "Usage" in outcome.output


def test_a_token_is_signed_with_the_secret_of_the_home(seckill: CliRunner, tmp_path: Path) -> None:
    outcome = seckill.invoke(app, ["token", "--user", "olga", "--role", "operator", "--hours", "1"])

    secret = (tmp_path / "home" / "secrets" / "jwt").read_text().strip()
    claims = jwt.decode(
        outcome.output.strip(), secret, algorithms=["HS256"], options={"verify_aud": False}
    )
    assert (claims["sub"], claims["roles"]) == ("olga", ["operator"])
    assert claims["exp"] - time.time() == pytest.approx(3600, abs=60)


def test_a_process_that_does_not_exist_is_refused_by_its_name(seckill: CliRunner) -> None:
    outcome = seckill.invoke(app, ["up", "--only", "redis", "--only", "kafka"])

    assert outcome.exit_code == 2
    assert "kafka" in outcome.output


def test_nothing_runs_in_a_new_home(seckill: CliRunner) -> None:
    outcome = seckill.invoke(app, ["status"])

    assert outcome.exit_code == 1
    assert "stopped" in outcome.output


@pytest.mark.parametrize("command", [["migrate"], ["audit"]])
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECKILL_POSTGRES_DSN", "postgresql://u:secret@127.0.0.1:1/x?tcp_user_timeout=3"),
        ("SECKILL_POSTGRES_TIMEOUT_SECONDS", "long"),
    ],
)
def test_a_setting_of_no_use_is_said_in_one_line(
    seckill: CliRunner, command: list[str], setting: str, value: str
) -> None:
    outcome = seckill.invoke(app, command, env={setting: value})

    assert outcome.exit_code == 1
    (line,) = outcome.output.splitlines()
    assert line.startswith(setting)
    assert "secret" not in line


def test_a_postgres_that_is_away_is_said_in_one_line(seckill: CliRunner) -> None:
    nowhere = {"SECKILL_POSTGRES_DSN": "postgresql://u@127.0.0.1:1/x?sslmode=prefer"}
    outcome = seckill.invoke(app, ["migrate"], env=nowhere)

    assert outcome.exit_code == 1
    (line,) = outcome.output.splitlines()
    assert "Postgres could not be brought up to date" in line
