"""Ports of this machine's loopback address."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the kernel's ephemeral range (32768 and up on Linux): a port that is remembered while
# the stack is down must not be taken by somebody's outgoing connection.
_CANDIDATES = range(20_000, 32_000)


def free_port() -> int:
    """A port on which nobody listens now. Raises OSError when there is none."""
    for port in random.sample(_CANDIDATES, k=200):
        if is_free(port):
            return port
    raise OSError("no free port between 20000 and 32000")


def is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
