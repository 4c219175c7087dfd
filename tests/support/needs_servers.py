"""Which tests need servers: found out by their fixtures, and held to while they run.

`pytest -m "not servers"` is all the others: they start no process, and neither a
shop to be rushed nor a provider.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

# Whoever asks for one of these, by whatever way, starts a process that answers on a port.
SERVER_FIXTURES = frozenset(
    {"redis_url", "postgres_dsn", "temporal_address", "time_skipping"}
    | {"own_redis", "own_temporal", "audited_temporal", "seckill"}
    # Served within the test's own process: a shop that is rushed, a provider that sends notices.
    | {"rush_at", "open_letterbox"}
)
SERVERS = "servers"
# Here no test is without one: who wants only those need not read them.
ROOMS_OF_SERVERS = ("tests/stories", "tests/audit/checks")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{SERVERS}: starts a process, mostly a server. Set by itself where a fixture tells",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.option.markexpr != f"not {SERVERS}":
        return None
    rooms = {config.rootpath / room for room in ROOMS_OF_SERVERS}
    return True if collection_path in rooms else None


# Before pytest itself chooses by marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(SERVERS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that says nothing of servers cannot start one: it would be chosen wrongly."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker(SERVERS) is None:
            patch.setattr(subprocess.Popen, "__init__", _refuse)
        return (yield)


def _refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError(
        "this test starts a process: give it `@pytest.mark.servers`,"
        f" or name the fixture that does in {__name__}.SERVER_FIXTURES"
    )
