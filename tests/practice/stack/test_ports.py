"""Ports of this machine's loopback address."""

import asyncio

from practice.stack.ports import LOOPBACK, free_port, is_free


async def test_a_port_is_free_until_somebody_listens_there() -> None:
    port = free_port()
    assert is_free(port)
    async with await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, port):
        assert not is_free(port)


def test_no_port_is_one_that_the_kernel_hands_out_by_itself() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))
