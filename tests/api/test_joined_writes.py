"""What is written in one turn goes out as one piece, in order, and nothing of it is lost."""

import asyncio

import pytest

from api.joined_writes import MOST_BYTES, JoinedWrites


class Wire:
    def __init__(self) -> None:
        self.said: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def write_eof(self) -> None:
        self.said.append("eof")

    def close(self) -> None:
        self.said.append("close")

    def abort(self) -> None:
        self.said.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.said

    def get_extra_info(self, name: str) -> str:
        return name


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def joined(wire: Wire) -> JoinedWrites:
    return JoinedWrites(wire, asyncio.get_running_loop())


async def test_head_and_body_go_out_together_once_the_turn_is_over(
    wire: Wire, joined: JoinedWrites
) -> None:
    joined.write(b"head ")
    joined.write(b"body")
    assert wire.said == []
    await asyncio.sleep(0)
    joined.write(b"next")
    await asyncio.sleep(0)

    assert wire.said == [b"head body", b"next"]
    assert joined.get_extra_info("peername") == "peername"


@pytest.mark.parametrize("ends", ["close", "write_eof"])
async def test_whoever_ends_has_said_all(wire: Wire, joined: JoinedWrites, ends: str) -> None:
    joined.write(b"all")
    getattr(joined, ends)()
    await asyncio.sleep(0)

    assert wire.said == [b"all", ends.removeprefix("write_")]
    assert joined.is_closing() == (ends == "close")


async def test_what_is_long_waits_for_nothing_and_what_is_broken_off_is_not_sent(
    wire: Wire, joined: JoinedWrites
) -> None:
    joined.write(b"a")
    joined.write(b"b" * MOST_BYTES)
    assert wire.said == [b"a" + b"b" * MOST_BYTES]

    joined.write(b"never")
    joined.abort()
    await asyncio.sleep(0)

    assert wire.said[1:] == ["abort"]
