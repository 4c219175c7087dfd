"""What runs on this machine, for commands that are not told where to look."""

import os
from typing import Any

from infra.settings import Settings
from practice.stack.environment import practice_accounts
from practice.stack.settings import EmbeddedSettings
from practice.stack.stack_file import StackFile


def settings_of_the_running_api() -> Settings:
    """As `running_settings`; with the embedded stack's own address and practice accounts, too."""
    embedded = EmbeddedSettings()
    home = embedded.open_home()
    stack = StackFile.read(home)
    if stack is not None and stack.sandbox_url:
        theirs = practice_accounts(embedded, stack.sandbox_url, home.sandbox_keys_dir)
        for name, value in {**theirs, "SECKILL_PUBLIC_URL": stack.api_url}.items():
            # The accounts are settings of their own, which read the environment alone.
            os.environ.setdefault(name, value)
    return running_settings()


def running_settings() -> Settings:
    """What the environment names, and else the stores of the embedded stack that runs."""
    embedded = EmbeddedSettings()
    stack = StackFile.read(embedded.open_home())
    if stack is None:
        return Settings()
    if embedded.external_temporal is None:
        # The client's address comes from Temporal's own environment alone.
        os.environ["TEMPORAL_ADDRESS"] = stack.temporal_address
    running = {
        "redis_url": stack.redis_url,
        "postgres_dsn": stack.postgres_dsn,
        "sandbox_url": stack.sandbox_url or "",
    }
    unsaid: dict[str, Any] = {
        name: value
        for name, value in running.items()
        if f"SECKILL_{name.upper()}" not in os.environ
    }
    return Settings(**unsaid)
