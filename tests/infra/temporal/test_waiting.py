"""A Temporal that is away when we start is waited for, and one that refuses us is not."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs
from temporalio.service import RPCError, RPCStatusCode

from infra.settings import UnusableSetting
from infra.temporal.waiting import when_temporal_answers


class Attempt:
    """Fails in turn with what it is given; then it answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        return "a client"


def an_answer(status: RPCStatusCode) -> RPCError:
    return RPCError("Namespace default is not found.", status, b"")


AWAY = (
    RuntimeError("Failed client connect: connection refused"),
    an_answer(RPCStatusCode.UNAVAILABLE),
    an_answer(RPCStatusCode.NOT_FOUND),
)


async def when(attempt: Attempt, stop: asyncio.Event | None = None) -> str | None:
    return await when_temporal_answers(attempt, stop or asyncio.Event(), every_seconds=0.001)


async def test_it_is_asked_until_it_answers_and_said_once() -> None:
    attempt = Attempt(*AWAY)
    with capture_logs() as lines:
        assert await when(attempt) == "a client"

    assert attempt.tries == len(AWAY) + 1
    assert [line["event"] for line in lines] == ["waiting_for_temporal", "temporal_answers"]
    assert "connection refused" in lines[0]["error"]
    assert lines[0]["address"]


async def test_nothing_is_said_where_it_is_there() -> None:
    with capture_logs() as lines:
        assert await when(Attempt()) == "a client"

    assert lines == []


async def test_the_waiting_ends_when_the_process_does() -> None:
    stop = asyncio.Event()

    class Stopped(Attempt):
        async def __call__(self) -> Any:
            stop.set()
            return await super().__call__()

    assert await when(Stopped(*AWAY), stop) is None


@pytest.mark.parametrize("status", [RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED])
async def test_who_is_not_let_in_does_not_wait(status: RPCStatusCode) -> None:
    with pytest.raises(UnusableSetting, match="does not let us in"):
        await when(Attempt(an_answer(status)))
