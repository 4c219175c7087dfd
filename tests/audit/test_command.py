import asyncio
import json
import os
import sys
from pathlib import Path

from redis.asyncio import Redis

from audit.sources import AuditSources
from infra.redis.keys import ItemKeys
from tests.support.audited_orders import dispatched, paid
from tests.support.shop import Shop

PROJECT = Path(__file__).parents[2]


class AuditCommand:
    def __init__(self, shop: Shop, home: Path, redis_url: str, postgres_dsn: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SECKILL_")}
        self._environment = {
            **inherited,
            "SECKILL_HOME": str(home),
            "SECKILL_REDIS_URL": redis_url,
            "SECKILL_POSTGRES_DSN": postgres_dsn,
            "SECKILL_AUDIT_GRACE_SECONDS": "0.4",
            "TEMPORAL_ADDRESS": shop.client.service_client.config.target_host,
        }

    async def run(self, *options: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "audit", *options),
            cwd=PROJECT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()


async def test_the_exit_code_tells_whether_the_books_are_sound(
    shop: Shop,
    sources: AuditSources,
    redis: Redis,
    redis_url: str,
    postgres_dsn: str,
    tmp_path: Path,
) -> None:
    command = AuditCommand(shop, tmp_path, redis_url, postgres_dsn)
    order = await paid(shop, sources, "ada")
    await dispatched(shop, sources, "bob")
    code, printed = await command.run("--json")
    assert (code, json.loads(printed)["ok"]) == (0, True)

    await redis.hdel(ItemKeys.of(shop.item.ref).reservations, order.order_id)
    code, printed = await command.run()
    assert code == 1
    assert "BROKEN" in printed
    assert order.order_id in printed

    code, printed = await command.run("--repair", "--json")
    report = json.loads(printed)
    assert (code, report["ok"], report["before"]["ok"]) == (0, True, False)
    assert report["repairs"]["rebuilt"] == [f"{shop.item.sale_id}/teapot"]
