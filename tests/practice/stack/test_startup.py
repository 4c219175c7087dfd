"""`seckill up --detach`, as a user meets it."""

import asyncio
import os
import signal
import stat

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from temporalio.client import Client

from practice.stack.loopback import loopback_http
from practice.stack.ports import LOOPBACK
from tests.support.command_line import CommandLine, eventually_no_process, flags

# Whole stacks start here, on machines that may be busy with other tests.
pytestmark = pytest.mark.timeout(240)
STORES = ("postgres", "redis", "temporal")
LIGHT = ("redis", "sandbox")


class TestUp:
    async def test_returns_when_all_is_ready_and_says_where_everything_is(
        self, seckill: CommandLine
    ) -> None:
        stack = await seckill.up()

        status = await seckill.run("status")
        operator = {"Authorization": f"Bearer {stack['operator_token']}"}
        async with loopback_http(timeout_seconds=10) as http:
            sales = await http.get(f"{stack['api_url']}/v1/operator/sales", headers=operator)
            ui = await http.get(stack["temporal_ui_url"])
            book = await http.get(f"{stack['sandbox_url']}/book")
        assert status.code == 0, status.out
        assert [sales.status_code, ui.status_code, book.status_code] == [200, 200, 200]
        assert set(stack["pids"]) == {*STORES, "sandbox", "api", "worker"}
        assert all(psutil.pid_exists(pid) for pid in stack["pids"].values())
        assert {path.stem for path in (seckill.home / "logs").iterdir()} == set(stack["pids"])

    async def test_keeps_what_it_wrote_down_to_its_owner(self, seckill: CommandLine) -> None:
        await seckill.up("redis")

        assert stat.S_IMODE((seckill.home / "stack.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((seckill.home / "secrets" / "jwt").stat().st_mode) == 0o600

    async def test_twice_at_once_starts_one_stack(self, seckill: CommandLine) -> None:
        up = ("up", "--detach", *flags(LIGHT))

        first, second = await asyncio.gather(seckill.run(*up), seckill.run(*up))

        assert (first.code, second.code) == (0, 0), first.err + second.err
        assert sorted(p.pid for p in seckill.processes()) == sorted(
            seckill.stack()["pids"].values()
        )

    async def test_names_a_server_that_cannot_start_with_the_end_of_its_log(
        self, seckill: CommandLine
    ) -> None:
        stranger = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, 0)
        taken = stranger.sockets[0].getsockname()[1]
        seckill.environment["SECKILL_REDIS_PORT"] = str(taken)

        async with stranger:
            outcome = await seckill.run("up", "--detach", *flags(LIGHT))

        assert outcome.code == 1
        assert "redis ended with exit code 1" in outcome.err
        assert "Address already in use" in outcome.err
        await eventually_no_process(seckill)

    async def test_uses_the_servers_that_the_environment_names(
        self, seckill: CommandLine, redis_url: str, postgres_dsn: str, temporal_address: str
    ) -> None:
        seckill.environment |= {
            "SECKILL_REDIS_URL": redis_url.replace("//", "//:secret@"),
            "SECKILL_POSTGRES_DSN": postgres_dsn,
            "TEMPORAL_ADDRESS": temporal_address,
        }

        stack = await seckill.up("sandbox", *STORES)

        assert set(stack["pids"]) == {"sandbox"}
        assert stack["postgres_dsn"] == postgres_dsn
        assert stack["temporal_address"] == temporal_address
        assert stack["redis_url"] == redis_url.replace("//", "//:***@")
        assert "elsewhere" in (await seckill.run("status")).out


class TestData:
    async def test_survives_kill_nine_of_each_server_at_the_same_addresses(
        self, seckill: CommandLine
    ) -> None:
        stack = await seckill.up(*STORES)
        await leave_traces(stack)

        for name in STORES:
            os.kill(stack["pids"][name], signal.SIGKILL)
            again = await seckill.up(*STORES)
            changed = {n for n in STORES if again["pids"][n] != stack["pids"][n]}
            assert changed == {name}
            stack["pids"] = again["pids"]

        assert places(again) == places(stack)
        await find_traces(again)

    async def test_survives_down_and_up(self, seckill: CommandLine) -> None:
        stack = await seckill.up(*STORES)
        await leave_traces(stack)

        await seckill.run("down")
        assert seckill.processes() == []

        again = await seckill.up(*STORES)
        assert places(again) == places(stack)
        await find_traces(again)


@pytest.mark.skipif(os.geteuid() != 0, reason="the whole of this file runs as an ordinary user")
async def test_an_ordinary_user_runs_the_servers_as_well(seckill: CommandLine) -> None:
    seckill.home.mkdir()
    os.chown(seckill.home, 65534, 65534)
    # This interpreter and this folder may be below root's home: the user may pass, not write.
    seckill.prefix = (
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
        *("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
    )

    stack = await seckill.up(*STORES)

    assert {psutil.Process(pid).uids().effective for pid in stack["pids"].values()} == {65534}
    await leave_traces(stack)
    await find_traces(stack)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody without a name")
async def test_who_has_no_name_runs_all_but_a_postgres_of_his_own(seckill: CommandLine) -> None:
    """As containers run a program under any uid."""
    seckill.home.mkdir()
    os.chown(seckill.home, 65533, 65533)
    seckill.prefix = (
        *("env", "-u", "USER", "-u", "LOGNAME", "-u", "HOME"),
        *("setpriv", "--reuid=65533", "--regid=65533", "--clear-groups"),
        *("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
    )

    stack = await seckill.up("redis", "temporal")
    refused = await seckill.run("up", "--detach", "--only", "postgres")

    assert {psutil.Process(pid).uids().effective for pid in stack["pids"].values()} == {65533}
    assert refused.code == 1
    assert "uid 65533 has no name" in refused.err
    assert len(refused.err.splitlines()) == 1


async def leave_traces(stack: dict[str, str]) -> None:
    async with Redis.from_url(stack["redis_url"]) as redis:
        await redis.set("trace", "left")
    connection = await asyncpg.connect(stack["postgres_dsn"])
    await connection.execute("CREATE TABLE trace AS SELECT 'left' AS word")
    await connection.close()
    client = await Client.connect(stack["temporal_address"])
    await client.start_workflow("Waiting", id="trace", task_queue="nobody-listens")


async def find_traces(stack: dict[str, str]) -> None:
    async with Redis.from_url(stack["redis_url"]) as redis:
        assert await redis.get("trace") == b"left"
    connection = await asyncpg.connect(stack["postgres_dsn"])
    assert await connection.fetchval("SELECT word FROM trace") == "left"
    await connection.close()
    client = await Client.connect(stack["temporal_address"])
    described = await client.get_workflow_handle("trace").describe()
    assert described.status is not None
    assert described.status.name == "RUNNING"


def places(stack: dict[str, str]) -> set[str]:
    return {stack[key] for key in ("redis_url", "postgres_dsn", "temporal_address")}
