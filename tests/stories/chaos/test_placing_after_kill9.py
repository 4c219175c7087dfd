"""A worker is killed with orders in its hands that it was just writing: who comes after it goes on
with them. How soon is measured by `seckill bench --only recovery`."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from infra.redis.intent_groups import Group
from infra.redis.keys import ItemKeys
from practice.stack.ports import free_port
from tests.support.command_line import CommandLine
from tests.support.gate import backlog_of
from tests.support.many_clicks import ClickedSale
from tests.support.polling import until
from tests.support.worker_process import worker_process

ORDERS = 200
LOCK = text("SELECT FROM sale_items WHERE sale_id = :sale FOR UPDATE")


@pytest.mark.servers
@pytest.mark.long
@pytest.mark.timeout(240)
async def test_who_comes_after_a_dead_worker_places_what_it_had_in_hand(tmp_path: Path) -> None:
    seckill = CommandLine(tmp_path / "home")
    try:
        stack = await seckill.up()
        victim = stack["pids"]["worker"]
        environment = psutil.Process(victim).environ()
        environment["SECKILL_WORKER_METRICS_PORT"] = str(free_port())
        async with ClickedSale.on(stack, 2 * ORDERS) as sale:
            # Nobody can write an order of the item, so what the worker takes it keeps in hand.
            async with sale.database.transaction() as connection:
                await connection.execute(LOCK, {"sale": sale.sale.sale_id})
                await sale.click(ORDERS)
                await until(lambda: _are_in_hand(sale), "the orders in the worker's hands")
                os.kill(victim, signal.SIGKILL)
                assert await sale.placed() == 0
            async with worker_process(tmp_path / "heir.log", environment) as heir:
                await until(lambda: "worker_ready" in heir.events(), "the worker's restart")
                await until(lambda: _are_placed(sale), "the orders of the dead")
                await until(lambda: _are_started(sale), "their workflows")
        audit = await seckill.run("audit", "--whole")
    finally:
        await seckill.down()

    assert audit.code == 0, audit.out


async def _are_in_hand(sale: ClickedSale) -> bool:
    left = await backlog_of(sale.redis, sale.item.ref, Group.PLACE)
    return left.pending == ORDERS


async def _are_placed(sale: ClickedSale) -> bool:
    return await sale.placed() == ORDERS


async def _are_started(sale: ClickedSale) -> bool:
    return await sale.redis.xlen(ItemKeys.of(sale.item.ref).intents) == 0
