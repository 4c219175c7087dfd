"""`stack.json`."""

from pathlib import Path

import jwt

from practice.stack.home import Home
from practice.stack.stack_file import StackFile, issue_token

SECRET = "a secret of the stack, long enough to sign with"


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
