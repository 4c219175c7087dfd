"""Stores are lost one after another while a sale runs, and nobody asks for a repair: the schedules
bring everything back, money included, or say in the attention list what they cannot know."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from infra.postgres.attentions import Attentions
from infra.postgres.audits import Audits
from infra.postgres.orders import Orders
from practice.stack.ports import free_port
from practice.stack.temporal import TemporalServer
from tests.support.ledger import damage
from tests.support.polling import eventually, until
from tests.support.postgres_copy import copy_of, put_back
from tests.support.servers import running
from tests.support.stores import empty_stores
from tests.support.whole_system import WholeSystem
from tests.support.whole_system_start import open_system
from tests.support.whole_system_steps import LONG, begun, bought, paid, paid_unnoticed

pytestmark = [pytest.mark.servers, pytest.mark.long]

# Minutes of an installation, in short.
ROUNDS = {
    "SECKILL_SWEEP_EVERY_SECONDS": "1",
    "SECKILL_RECONCILE_EVERY_SECONDS": "1",
    "SECKILL_AUDIT_EVERY_SECONDS": "1",
    "SECKILL_SCHEDULES_LOOK_SECONDS": "0.5",
    "SECKILL_AUDIT_GRACE_SECONDS": "0.3",
    "SECKILL_AUDIT_OVERDUE_SECONDS": "2",
    # No real provider shows its book: what only it knows is for a person.
    "SECKILL_AUDIT_BOOK": "false",
}


@dataclass
class LosableTemporal:
    """In memory: each start is one that has lost its database."""

    folder: Path
    server: TemporalServer = field(default_factory=lambda: TemporalServer(free_port(), free_port()))
    _running: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> str:
        return await self._running.enter_async_context(running(self.server, self.folder))

    async def stop(self) -> None:
        await self._running.aclose()


@pytest.fixture
async def temporal(tmp_path: Path) -> AsyncIterator[LosableTemporal]:
    server = LosableTemporal(tmp_path)
    yield server
    await server.stop()


@asynccontextmanager
async def a_running_system(
    temporal: LosableTemporal, redis_url: str, postgres_dsn: str, keys: Path
) -> AsyncIterator[WholeSystem]:
    await empty_stores(redis_url, postgres_dsn)
    async with open_system(
        keys=keys,
        redis_url=redis_url,
        postgres_dsn=postgres_dsn,
        temporal_address=await temporal.start(),
        **ROUNDS,
    ) as system:
        system.worker.start()
        yield system


async def healed(system: WholeSystem) -> None:
    """An audit by the schedule that began after now found everything in order."""
    lost_at = datetime.now(UTC)

    async def is_proved() -> bool:
        async with system.database.transaction() as connection:
            sound_at = await Audits(connection).last_sound()
        return sound_at is not None and sound_at > lost_at

    await until(is_proved, "a sound audit by the schedule", every=0.25)


async def placed(system: WholeSystem, sale_id: str, user_id: str) -> str:
    """The id of an order that was accepted as soon as the item is known again."""

    async def accepted() -> str | None:
        answer = await system.click(sale_id, user_id)
        assert answer.status_code in (202, 404, 409, 503), answer.text
        return str(answer.json()["order_id"]) if answer.status_code == 202 else None

    order_id: str = await until(accepted, f"{user_id} to be accepted", every=0.25)
    await system.until_status(order_id, "pending_payment")
    return order_id


async def attentions(system: WholeSystem) -> set[tuple[str, str | None]]:
    async with system.database.transaction() as connection:
        rows, _ = await Attentions(connection).open_(None, 100)
    return {(row.kind, row.order_id) for row in rows}


async def dumped(redis: Redis) -> dict[str, Any]:
    """Not as text, which these bytes are not."""
    dump: Any = redis.execute_command
    kept = {str(key): await dump("DUMP", key, NEVER_DECODE=True) for key in await redis.keys("*")}
    return {key: value for key, value in kept.items() if value is not None}


async def test_the_schedules_alone_bring_everything_back(
    temporal: LosableTemporal, redis_url: str, postgres_dsn: str, keys_dir: Path
) -> None:
    async with a_running_system(temporal, redis_url, postgres_dsn, keys_dir) as system:
        sale_id = await system.sale(stock=20, pay_window=LONG * 60)
        orders = {"ada": await system.ordered(sale_id, "ada")}
        orders["bob"] = await bought(system, sale_id, "bob")

        await _redis_is_emptied(system, sale_id, orders)
        await _redis_is_set_back(system, sale_id, orders)
        await _temporal_loses_its_database(system, temporal, sale_id, orders)
        await _postgres_is_set_back(system, sale_id, orders)

        assert await system.stock(sale_id) == {"available": 13, "held": 3, "sold": 4}
        await system.assert_audit_holds()
        ends = {user: (await system.order(name))["status"] for user, name in orders.items()}
        assert ends == {
            **dict.fromkeys(("ada", "bob", "dan", "hal"), "fulfilled"),
            **dict.fromkeys(("eve", "fay", "gus"), "pending_payment"),
            "cyd": "cancelled",
        }
        # What nobody but a provider can know, and that Redis should not lose its data.
        left = {("lost_order", orders["fay"]), ("store_lost", None)}
        await eventually(lambda: attentions(system), left)


async def _redis_is_emptied(system: WholeSystem, sale_id: str, orders: dict[str, str]) -> None:
    await system.redis.flushall()
    orders["cyd"] = await placed(system, sale_id, "cyd")
    await healed(system)


async def _redis_is_set_back(system: WholeSystem, sale_id: str, orders: dict[str, str]) -> None:
    kept = await dumped(system.redis)
    orders["dan"] = await bought(system, sale_id, "dan")
    assert (await system.cancel(orders["cyd"], "cyd")).status_code == 200
    await system.redis.flushall()
    for key, value in kept.items():
        await system.redis.restore(key, 0, value, replace=True)
    await healed(system)


async def _temporal_loses_its_database(
    system: WholeSystem, temporal: LosableTemporal, sale_id: str, orders: dict[str, str]
) -> None:
    await temporal.stop()
    accepted = await system.click(sale_id, "eve")
    assert accepted.status_code == 202, accepted.text
    orders["eve"] = accepted.json()["order_id"]
    await temporal.start()
    await healed(system)
    # Its workflow was lost with all others, and is there again.
    await paid(system, await begun(system, orders["ada"], "ada"))
    await system.until_status(orders["ada"], "fulfilled")


async def _postgres_is_set_back(system: WholeSystem, sale_id: str, orders: dict[str, str]) -> None:
    orders["hal"] = await system.ordered(sale_id, "hal")
    payment = await begun(system, orders["hal"], "hal")
    copy = await copy_of(system.database)
    orders["fay"] = await bought(system, sale_id, "fay")
    orders["gus"] = await system.ordered(sale_id, "gus")
    await paid_unnoticed(system, payment)
    # Nobody writes in a Postgres that is being restored.
    await system.worker.stop()
    await put_back(system.database, copy)
    system.worker.start()

    # The provider is asked of what the copy knows of, a minute after it was begun.
    await damage(system.database, "UPDATE payments SET ask_at = now() WHERE status = 'created'")
    await system.until_status(orders["hal"], "fulfilled")
    for user in ("fay", "gus"):
        await until(lambda: _has_a_row(system, orders[user]), f"{user} to be placed again")  # noqa: B023
        await system.until_status(orders[user], "pending_payment")
    await healed(system)


async def _has_a_row(system: WholeSystem, order_id: str) -> bool:
    async with system.database.transaction() as connection:
        return await Orders(connection).get(order_id) is not None
