"""Writes one history per branch of each workflow: `python -m tests.support.record_histories`,
or only of those branches whose names begin as told: `… refund "bills that differ"`.

Run it when a workflow is changed on purpose and none of the old shape is running any more;
otherwise gate the change with `workflow.patched` and keep the histories.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from redis.asyncio import Redis
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from domain.sale import LatePaymentPolicy
from infra.postgres.engine import Database
from infra.postgres.migrate import migrate
from infra.temporal.client import DATA_CONVERTER
from practice.stack.ports import free_port
from practice.stack.postgres import PostgresServer
from practice.stack.process import Server, start, stop
from practice.stack.redis import RedisServer
from practice.stack.temporal import TemporalServer
from tests.support.ahead_branches import ORDER_BRANCHES
from tests.support.refund_branches import REFUND_BRANCHES
from tests.support.sale_branches import SALE_BRANCHES
from tests.support.scheduled_branches import SCHEDULED_BRANCHES
from tests.support.shop import Shop, open_shop

HISTORIES = Path(__file__).parents[1] / "workflows" / "histories"
PAY_WINDOW = timedelta(seconds=3)


class Played(Protocol):
    """A branch of a workflow."""

    @property
    def name(self) -> str: ...

    async def play(self, shop: Shop) -> WorkflowHandle[Any, Any]:
        """The workflow, after it has gone the whole branch and ended as planned."""
        ...


ALL_BRANCHES: tuple[Played, ...] = (
    *ORDER_BRANCHES,
    *REFUND_BRANCHES,
    *SCHEDULED_BRANCHES,
    *SALE_BRANCHES,
)


def history_of(branch: Played) -> Path:
    return HISTORIES / f"{branch.name.replace(' ', '_')}.json"


async def record(shop: Shop, branch: Played) -> None:
    handle = await branch.play(shop)
    history_of(branch).write_text(_portable(await handle.fetch_history()) + "\n")


def _portable(history: WorkflowHistory) -> str:
    """Without the stack traces of failures: they name the folders of this machine."""
    return json.dumps(json.loads(history.to_json(), object_hook=_without_trace), indent=2)


def _without_trace(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "stackTrace"}


async def main(beginnings: tuple[str, ...]) -> None:
    wanted = [branch for branch in ALL_BRANCHES if branch.name.startswith(beginnings)]
    if not wanted:
        raise SystemExit("no branch has a name that begins so")
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # Postgres runs as another user than root, and must get to its folder.
        home.chmod(0o755)  # noqa: ASYNC240
        servers: list[Server] = [
            RedisServer(home / "redis", free_port(), durable=False),
            PostgresServer(home / "postgres", free_port(), durable=False),
            TemporalServer(free_port(), free_port()),
        ]
        running = [await start(s, home / f"{s.name}.log", die_with_parent=True) for s in servers]
        try:
            await _record_all(wanted, *(server.address for server in servers))
        finally:
            for process in reversed(running):
                await stop(process)


async def _record_all(
    wanted: Sequence[Played], redis_url: str, dsn: str, temporal_address: str
) -> None:
    await migrate(dsn)
    database, redis = Database.connect(dsn), Redis.from_url(redis_url, decode_responses=True)
    client = await Client.connect(
        temporal_address, data_converter=DATA_CONVERTER, identity="recorder"
    )

    async def play(branches: Sequence[Played], **terms: Any) -> None:
        async with open_shop(database, redis, client, stock=100, **terms) as shop, shop.worker():
            await asyncio.gather(*(record(shop, one) for one in branches if one in wanted))

    await play(ORDER_BRANCHES, pay_window=PAY_WINDOW)
    await play(REFUND_BRANCHES, late_payment=LatePaymentPolicy.HONOUR)
    # A provider's bill lists all it was paid: these branches need a provider of their own.
    await play(SCHEDULED_BRANCHES)
    for branch in SALE_BRANCHES:
        if branch in wanted:
            await play([branch], ends_in=branch.ends_in, pay_window=2 * PAY_WINDOW)
    await redis.aclose()
    await database.aclose()


if __name__ == "__main__":
    asyncio.run(main(tuple(sys.argv[1:]) or ("",)))
