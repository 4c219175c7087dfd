"""A load generator in a process of its own: `python -m bench.load < job.json > result.json`.

It shares the machine with the server it loads, so it does next to nothing: ready-made bytes go
out, a status comes in.
"""

import asyncio
import itertools
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Protocol, cast

import httptools
import uvloop

from bench.cpu import CpuWatch
from domain.model import Value
from practice.stack.stack_file import issue_token

BODY = b'{"quantity":1}'


class Job(Value):
    """POSTs of one order each. Every connection sends the next request when it has the answer.
    The `buyers` of a crowd come one after another, and then again. `pids`: of the processes whose
    CPU is to be watched meanwhile."""

    host: str
    port: int
    path: str
    jwt_secret: str
    jwt_issuer: str = ""
    crowd: str
    buyers: int
    connections: int
    warm_up_seconds: float
    seconds: float
    pids: dict[str, int]


class LoadResult(Value):
    """`statuses`: answers within the measured time. `cpu`: seconds of CPU per second."""

    per_second: float
    statuses: dict[int, int]
    cpu: dict[str, float]
    p50_ms: float
    p99_ms: float


class _Parser(Protocol):
    def feed_data(self, data: bytes) -> None: ...
    def get_status_code(self) -> int: ...


class Tally:
    """Counts what is answered while it is open."""

    def __init__(self) -> None:
        self.open = False
        self.stopped = False
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.broken: list[Exception | None] = []

    def add(self, status: int, seconds: float) -> None:
        if self.open:
            self.statuses[status] += 1
            self.seconds.append(seconds)


class Caller(asyncio.Protocol):
    """One connection: asks, waits for the answer, asks again."""

    def __init__(self, requests: Iterator[bytes], tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._parser = cast(_Parser, httptools.HttpResponseParser(self))
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._tally.stopped:
            self._tally.broken.append(exc)

    def on_message_complete(self) -> None:
        self._tally.add(self._parser.get_status_code(), time.perf_counter() - self._asked)
        if self._tally.stopped:
            self._transport.close()
        else:
            self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(next(self._requests))


async def load(job: Job) -> LoadResult:
    """Raises RuntimeError when the server broke a connection."""
    requests, tally = _requests(job), Tally()
    loop = asyncio.get_running_loop()
    for _ in range(job.connections):
        await loop.create_connection(lambda: Caller(requests, tally), job.host, job.port)
    await asyncio.sleep(job.warm_up_seconds)
    watch = CpuWatch(job.pids)
    began, tally.open = time.perf_counter(), True
    await asyncio.sleep(job.seconds)
    tally.open, tally.stopped = False, True
    elapsed = time.perf_counter() - began
    if tally.broken:
        raise RuntimeError(f"{len(tally.broken)} connections broke: {tally.broken[0]}")
    waits = sorted(tally.seconds) or [math.nan]
    p50, p99 = (1000 * waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
    return LoadResult(
        per_second=len(tally.seconds) / elapsed,
        statuses=dict(tally.statuses),
        cpu=watch.shares(),
        p50_ms=p50,
        p99_ms=p99,
    )


def _requests(job: Job) -> Iterator[bytes]:
    """All tokens are made here and now: making them is not to be measured, and the api closes a
    connection that has said nothing for a while."""
    heads = [_head(job, f"{job.crowd}-{number}") for number in range(job.buyers)]
    crowd = job.crowd.encode()
    return (
        b"%bIdempotency-Key: %b-%d\r\n\r\n%b" % (head, crowd, number, BODY)
        for number, head in enumerate(itertools.cycle(heads))
    )


def _head(job: Job, user_id: str) -> bytes:
    token = issue_token(job.jwt_secret, user_id, [], issuer=job.jwt_issuer, seconds=3600)
    return (
        f"POST {job.path} HTTP/1.1\r\nHost: {job.host}:{job.port}\r\n"
        f"Authorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
    ).encode()


def main() -> None:
    job = Job.model_validate_json(sys.stdin.buffer.read())
    print(uvloop.run(load(job)).model_dump_json())


if __name__ == "__main__":
    main()
