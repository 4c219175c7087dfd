"""Ports of this machine's loopback address."""

import asyncio

import pytest

from practice.stack import ports
from practice.stack.ports import LOOPBACK, free_port, is_free


async def test_a_port_is_free_until_somebody_listens_there() -> None:
    port = free_port()
    assert is_free(port)
    async with await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, port):
        assert not is_free(port)


def test_no_port_is_one_that_the_kernel_hands_out_by_itself() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))


def test_nobody_is_told_a_port_that_somebody_was_told_a_moment_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only = free_port()
    monkeypatch.setattr(ports, "_CANDIDATES", [only] * 200)
    with pytest.raises(OSError, match="no free port"):
        free_port()
