"""What a running stack writes down, and the tokens of it."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from practice.rush.plan import read_stack
from practice.stack.home import Home
from practice.stack.stack_file import StackFile, issue_token

SECRET = "a secret of the stack, long enough to sign with"
READ_NOTHING: Any = {"verify_signature": False, "verify_aud": False}


def test_a_stack_is_described_until_it_is_stopped(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert StackFile.read(home) is None
    home.create()
    stack = StackFile(
        api_url="http://api", temporal_address="t:1", temporal_ui_url=None, redis_url="redis://r",
        postgres_dsn="postgresql://p", sandbox_url="http://s", sandbox_keys_dir=tmp_path,
        operator_token="token", log_dir=home.log_dir, pids={"api": 1},
    )  # fmt: skip
    stack.write(home)
    assert StackFile.read(home) == stack


def test_a_token_says_who_and_for_how_long() -> None:
    token = issue_token(SECRET, "olga", ["operator"], issuer="us", seconds=60)
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], issuer="us")
    assert (claims["sub"], claims["roles"]) == ("olga", ["operator"])
    assert claims["exp"] - claims["iat"] == 60
    assert "iss" not in jwt.decode(issue_token(SECRET, "a", []), SECRET, algorithms=["HS256"])


def test_an_operators_token_is_good_for_hours() -> None:
    claims = jwt.decode(issue_token(SECRET, "operator", ["operator"]), options=READ_NOTHING)

    assert claims["exp"] - time.time() < 24 * 3600


@pytest.mark.parametrize(
    ("named", "claims"),
    [
        ({}, {}),
        ({"issuer": "id", "audience": "shop"}, {"iss": "id", "aud": "shop"}),
        ({"audience": "*"}, {}),
    ],
)
def test_a_token_names_what_the_api_asks_for(named: dict[str, Any], claims: dict[str, str]) -> None:
    token = jwt.decode(issue_token(SECRET, "ada", [], **named), options=READ_NOTHING)

    assert {name: token[name] for name in ("iss", "aud") if name in token} == claims


@pytest.mark.parametrize(("seconds", "used"), [(600, True), (-1, False)])
def test_a_rush_uses_no_token_that_is_over(tmp_path: Path, seconds: int, used: bool) -> None:
    home = Home(tmp_path)
    token = issue_token(SECRET, "operator", ["operator"], seconds=seconds)
    StackFile(
        api_url="http://127.0.0.1:1",
        temporal_address="127.0.0.1:2",
        temporal_ui_url=None,
        redis_url="",
        postgres_dsn="",
        sandbox_url="http://127.0.0.1:3",
        sandbox_keys_dir=None,
        operator_token=token,
        log_dir=home.log_dir,
        pids={},
    ).write(home)

    assert read_stack(home.stack_file).operator_token == (token if used else "")
