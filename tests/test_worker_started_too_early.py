"""A worker that is started before its stores, or with settings of no use."""

import json
from pathlib import Path

import pytest

from practice.stack.ports import free_port
from practice.stack.temporal import TemporalServer
from tests.support.as_a_process import AsAProcess
from tests.support.polling import until
from tests.support.servers import running
from tests.support.worker_process import worker_process

pytestmark = pytest.mark.servers
NOWHERE = {
    "SECKILL_REDIS_URL": "redis://127.0.0.1:1/0",
    "SECKILL_POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/none",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
}


async def test_it_waits_for_temporal_and_says_so_in_one_line(tmp_path: Path) -> None:
    """Redis and Postgres stay away: what needs them is tried again, and nothing ends."""
    server = TemporalServer(free_port(), free_port())
    environment = {**NOWHERE, "TEMPORAL_ADDRESS": server.address}
    async with worker_process(tmp_path / "worker.log", environment) as worker:
        await until(lambda: "waiting_for_temporal" in worker.events())
        async with running(server, tmp_path):
            await until(lambda: "worker_ready" in worker.events())
            events = worker.events()
            worker.process.terminate()
            assert await worker.process.wait() == 0

    assert [events.count(name) for name in ("waiting_for_temporal", "temporal_answers")] == [1, 1]
    # Afterwards a round may begin, and its step fails for want of a Postgres: that is told whole.
    waiting, _, _ = worker.text.partition("temporal_answers")
    assert "Traceback" not in waiting


async def test_it_stops_while_it_waits(tmp_path: Path) -> None:
    async with worker_process(tmp_path / "worker.log", NOWHERE) as worker:
        await until(lambda: "waiting_for_temporal" in worker.events())
        worker.process.terminate()
        assert await worker.process.wait() == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECKILL_POSTGRES_DSN", "postgresql://ada:secret@h/x?keepalives_idle=3"),
        ("SECKILL_REDIS_URL", "http://cache.example"),
        ("SECKILL_POSTGRES_POOL_SIZE", "many"),
        ("TEMPORAL_PROFILE", "nobody-wrote-it"),
    ],
)
def test_what_it_cannot_start_with_it_says_in_one_line(
    as_a_process: AsAProcess, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    for name, given in {**NOWHERE, setting: value}.items():
        monkeypatch.setenv(name, given)

    code, told = as_a_process("worker")

    assert code == 1
    (line,) = [json.loads(line)["event"] for line in told.splitlines()]
    assert line.startswith("cannot_start: ")
    assert setting in line
    assert "secret" not in line


async def test_a_process_that_cannot_start_ends_with_that_line(tmp_path: Path) -> None:
    environment = {**NOWHERE, "SECKILL_REDIS_URL": "http://cache.example"}
    async with worker_process(tmp_path / "worker.log", environment) as worker:
        assert await worker.process.wait() == 1

    (line,) = worker.events()
    assert line.startswith("cannot_start: ")
