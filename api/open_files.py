"""How many files, and so connections, this process may have open; and a word when none is left."""

import asyncio
import errno
import os
import resource
import sys
from contextlib import suppress

import structlog

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0
TELL_EVERY_SECONDS = 10.0
# Of this process itself: pools to Redis and Postgres, Temporal, providers, logs, libraries.
OWN_FILES = 160
# A stream holds its connection for ever; whoever clicks must find one.
STREAMS_SHARE = 0.8
_NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})


def connections_that_fit(wanted: int) -> int:
    """As many of the wanted connections as this process may open, after asking the system for all
    the files it may have. Tells the log when it is fewer."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    fitting = fitting_connections(wanted)
    if fitting < wanted:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        log.warning("fewer_connections", wanted=wanted, connections=fitting, open_files=files)
    return fitting


def fitting_connections(wanted: int) -> int:
    """As many of the wanted connections as the files allow that this process may open by now."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, _fit(files))


def streams_that_fit(wanted: int, connections: int) -> int:
    """As many of the wanted streams as leave connections, of those that fit, for everybody else."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, max(1, int(STREAMS_SHARE * min(connections, _fit(files)))))


async def watch_open_files() -> None:
    """Runs until it is cancelled. The event loop drops a connection it has no file for without a
    word, so somebody has to look."""
    quiet_until = 0.0
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        now = asyncio.get_running_loop().time()
        if now >= quiet_until and _none_left():
            quiet_until = now + TELL_EVERY_SECONDS
            files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            log.error("out_of_open_files", open_files=files)


def _none_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in _NONE_LEFT
    return False


def _fit(files: int) -> int:
    return sys.maxsize if files == resource.RLIM_INFINITY else max(files - OWN_FILES, files // 4, 1)
