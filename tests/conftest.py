"""How the tests run: the fixtures all rooms share, the order, the logs, the end."""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from itertools import islice

import pytest
import structlog

pytest_plugins = (
    "pytester",
    "tests.support.needs_servers",
    "tests.support.as_a_process",
    "tests.support.letterbox",
    "tests.support.server_fixtures",
    "tests.support.shop_fixtures",
)

_SESSION = pytest.StashKey[pytest.Session]()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What collecting makes stays to the end: looking through it for garbage, again and again,
    would be a fifth of the work, and later a part of each test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: begun last, one of them keeps everybody waiting.

    xdist gives each process a share of the list, one share after another. So each share begins
    with some of the longest: all of them in the first would follow each other.
    """
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [item for item in items if item.get_closest_marker("long")]
    others = iter([item for item in items if not item.get_closest_marker("long")])
    sizes = [(len(items) + n) // shares for n in range(shares)]
    items[:] = [
        item
        for n, size in enumerate(sizes)
        for first in (longest[n::shares],)
        for item in (*first, *islice(others, max(0, size - len(first))))
    ]
    items.extend(others)


def pytest_configure() -> None:
    # Left to itself it draws each traceback in a frame, with all variables: too dear, too long.
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )


@pytest.fixture(autouse=True)
def logs_go_where_they_went() -> Iterator[None]:
    """A command that is run within a test sets up logs for its own output, which ends with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_SESSION] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave with the exit code of the tests.

    Temporal's native threads may still hold Python's lock while the interpreter is torn down,
    and then abort a run in which every test passed (`PyGILState_Release`). So the interpreter
    is not torn down: what wanted to run at exit runs here. An xdist worker has reported its
    results by other means, and its controller needs it to end by itself.
    """
    session = config.stash.get(_SESSION, None)
    if session is None or hasattr(config, "workerinput"):
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(session.exitstatus))
