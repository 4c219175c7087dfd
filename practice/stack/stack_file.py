"""`stack.json`: where the parts of a running stack are, for everything that wants to use it."""

import time
from pathlib import Path

import jwt

from domain.model import Value
from practice.stack.home import Home, write_private

# Each `up` writes a new one; `seckill token --role operator` makes more.
_OPERATOR_TOKEN_SECONDS = 12 * 3600


class StackFile(Value):
    """The operator token is the only secret in it. Passwords of servers elsewhere are starred
    out: who needs them has them in the environment, as we do."""

    api_url: str
    temporal_address: str
    temporal_ui_url: str | None
    redis_url: str
    postgres_dsn: str
    sandbox_url: str | None
    sandbox_keys_dir: Path | None
    operator_token: str
    log_dir: Path
    pids: dict[str, int]

    def write(self, home: Home) -> None:
        write_private(home.stack_file, self.model_dump_json(indent=2))

    @classmethod
    def read(cls, home: Home) -> "StackFile | None":
        """None when no stack was started, or it was stopped."""
        if not home.stack_file.exists():
            return None
        return cls.model_validate_json(home.stack_file.read_bytes())


def issue_token(
    secret: str,
    user_id: str,
    roles: list[str],
    *,
    issuer: str = "",
    audience: str = "",
    seconds: int = _OPERATOR_TOKEN_SECONDS,
) -> str:
    """A bearer token for the api of a stack whose secret this is."""
    now = int(time.time())
    claims = {"sub": user_id, "roles": roles, "iat": now, "exp": now + seconds}
    named = {"iss": issuer, "aud": "" if audience == "*" else audience}
    claims |= {name: value for name, value in named.items() if value}
    return jwt.encode(claims, secret, algorithm="HS256")
