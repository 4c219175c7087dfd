"""Settings of an API whose stores are away."""

from typing import Any

from infra.settings import Settings

NOWHERE: dict[str, dict[str, Any]] = {
    "redis": {"redis_url": "redis://127.0.0.1:1/0", "redis_timeout_seconds": 0.5},
    "postgres": {"postgres_dsn": "postgresql://nobody@127.0.0.1:1/none"},
}


def without(settings: Settings, *names: str) -> Settings:
    changes: dict[str, Any] = {}
    for name in names:
        changes |= NOWHERE[name]
    return settings.model_copy(update=changes)
