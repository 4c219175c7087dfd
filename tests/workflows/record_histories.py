"""Writes one history per branch of the order saga: `python -m tests.workflows.record_histories`.

Run it when the saga is changed on purpose and no order of the old shape is waiting any more;
otherwise gate the change with `workflow.patched` and keep the histories.
"""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis
from temporalio.client import Client

from infra.embedded.ports import free_port
from infra.embedded.postgres import PostgresServer
from infra.embedded.process import Server, start, stop
from infra.embedded.redis import RedisServer
from infra.embedded.temporal import TemporalServer
from infra.postgres.engine import Database
from infra.postgres.migrate import migrate
from infra.temporal import DATA_CONVERTER
from tests.branches import BRANCHES, Branch
from tests.shop import Shop, open_shop

HISTORIES = Path(__file__).parent / "histories"
PAY_WINDOW = timedelta(seconds=3)


def history_of(branch: Branch) -> Path:
    return HISTORIES / f"{branch.name.replace(' ', '_')}.json"


async def record(shop: Shop, branch: Branch) -> None:
    intent = await branch.intent(shop, branch.name)
    handle = await shop.start(intent)
    await branch.drive(shop, intent, handle)
    outcome = await handle.result()
    if outcome.status is not branch.end:
        raise RuntimeError(f"{branch.name} ended {outcome.status}, not {branch.end}")
    history_of(branch).write_text((await handle.fetch_history()).to_json() + "\n")


async def main() -> None:
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
            await _record_all(*(server.address for server in servers))
        finally:
            for process in reversed(running):
                await stop(process)


async def _record_all(redis_url: str, dsn: str, temporal_address: str) -> None:
    await migrate(dsn)
    database, redis = Database.connect(dsn), Redis.from_url(redis_url, decode_responses=True)
    client = await Client.connect(
        temporal_address, data_converter=DATA_CONVERTER, identity="recorder"
    )
    async with (
        open_shop(database, redis, client, stock=100, pay_window=PAY_WINDOW) as shop,
        shop.worker(),
    ):
        await asyncio.gather(*(record(shop, branch) for branch in BRANCHES))
    await redis.aclose()
    await database.aclose()


if __name__ == "__main__":
    asyncio.run(main())
