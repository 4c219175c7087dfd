"""Ports of this machine's loopback address."""

import random
import socket
import tempfile
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"

# Below the kernel's ephemeral range (32768 and up on Linux): a port that is remembered while
# the stack is down must not be taken by somebody's outgoing connection.
_CANDIDATES = range(20_000, 32_000)


# From being told a port until listening there.
_PROMISED_SECONDS = 120.0


def free_port() -> int:
    """A port on which nobody listens now, and which nobody else was told a moment ago. Raises
    OSError when there is none."""
    for port in random.sample(_CANDIDATES, k=200):
        if is_free(port) and _promise(port):
            return port
    raise OSError("no free port between 20000 and 32000")


def _promise(port: int) -> bool:
    """False where somebody on this machine was told it and may not listen there yet."""
    mark = Path(tempfile.gettempdir()) / "seckill-ports" / str(port)
    try:
        mark.parent.mkdir(exist_ok=True)
        if mark.exists() and time.time() - mark.stat().st_mtime > _PROMISED_SECONDS:
            mark.unlink()
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        # Somebody else's folder: then it is left to chance, which is mostly kind.
        return True
    return True


def is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
