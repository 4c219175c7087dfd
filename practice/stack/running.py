"""What runs on this machine, for commands that are not told where to look."""

import os
from typing import Any

from infra.settings import Settings
from practice.stack.settings import EmbeddedSettings
from practice.stack.stack_file import StackFile


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
