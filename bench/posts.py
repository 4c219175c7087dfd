"""POSTs per second at the front door, beside an empty FastAPI POST."""

import asyncio
import math
import sys
import time
from urllib.parse import urlsplit

from bench import empty_post
from bench.figures import BenchPlan, Figure, Round, figure
from bench.load import Job, LoadResult
from bench.stack import BenchStack
from domain.sale import ItemRef
from practice.stack.home import PROJECT

ENOUGH_STOCK = 10_000_000
WARM_UP_SHARE = 0.3
# The api remembers the callers of 20,000 tokens: a small crowd is known to it after the warm-up,
# also on a slow machine, a large one never. None of it may come too often for one buyer.
SMALL_CROWD, LARGE_CROWD = 2_000, 40_000
A_DAY = 86_400
# More than any api answers: in a short round nobody needs tokens for those who cannot come.
MOST_PER_SECOND = 10_000

EMPTY = "empty FastAPI POST"
# The first second of a sale is this one: nobody has come before.
NEW_TOKEN = "order accepted, token new to the api"  # noqa: S105
KNOWN_TOKEN = "order accepted, token known"  # noqa: S105
SOLD_OUT = "refused: sold out"


class LoadFailed(Exception):
    """The load generator could not do its work, or was answered what it should not be."""


class PostBench:
    def __init__(self, stack: BenchStack, plan: BenchPlan) -> None:
        self._stack = stack
        self._plan = plan
        self._run = f"{time.time_ns() // 1_000_000:x}"
        self._crowds = 0

    async def measure(self) -> tuple[Figure, ...]:
        """The four take turns, round by round."""
        # Nobody pays, and more come than could have their workflow in half an hour.
        stocked = await self._stack.open_sale(ENOUGH_STOCK, pay_window=A_DAY)
        sold_out = await self._stack.open_sale(1)
        await self._load(_path(sold_out), crowd=1, seconds=0.2)
        rounds: dict[str, list[Round]] = {}
        for _ in range(self._plan.rounds):
            for name, round_ in (
                (EMPTY, await self._round(empty_post.PATH, 202, "empty")),
                (NEW_TOKEN, await self._round(_path(stocked), 202, crowd=LARGE_CROWD)),
                (KNOWN_TOKEN, await self._round(_path(stocked), 202)),
                (SOLD_OUT, await self._round(_path(sold_out), 409)),
            ):
                rounds.setdefault(name, []).append(round_)
        return tuple(
            figure(name, measured, rounds[EMPTY], against=EMPTY)
            for name, measured in rounds.items()
        )

    async def _round(
        self, path: str, status: int, server: str = "api", crowd: int = SMALL_CROWD
    ) -> Round:
        result = await self._load(path, server=server, crowd=crowd, seconds=self._plan.seconds)
        if set(result.statuses) != {status}:
            raise LoadFailed(f"{path} should answer {status} and answered {result.statuses}")
        return Round(
            per_second=result.per_second,
            cpu=result.cpu,
            p50_ms=result.p50_ms,
            p99_ms=result.p99_ms,
        )

    async def _load(
        self, path: str, *, crowd: int, seconds: float, server: str = "api"
    ) -> LoadResult:
        self._crowds += 1
        address = urlsplit(self._stack.url_of(server))
        job = Job(
            host=address.hostname or "",
            port=address.port or 80,
            path=path,
            jwt_secret=self._stack.jwt_secret,
            jwt_issuer=self._stack.jwt_issuer,
            # New buyers each time, so that nobody reaches his limit.
            crowd=f"{self._run}-{self._crowds}",
            buyers=min(crowd, _can_come(seconds)),
            connections=self._plan.connections,
            warm_up_seconds=WARM_UP_SHARE * seconds,
            seconds=seconds,
            pids=self._stack.pids(server, "redis"),
        )
        return await _generate(job)


async def _generate(job: Job) -> LoadResult:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load"),
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(job.model_dump_json().encode())
    if process.returncode:
        raise LoadFailed(err.decode()[-2000:])
    return LoadResult.model_validate_json(out)


def _can_come(seconds: float) -> int:
    return math.ceil(MOST_PER_SECOND * (1 + WARM_UP_SHARE) * seconds)


def _path(item: ItemRef) -> str:
    return f"/v1/sales/{item.sale_id}/items/{item.sku_id}/orders"
