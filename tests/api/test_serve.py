"""The API as a process of its own: how it starts, what it says, and what it lets in."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.serve import StreamingServer, serve
from practice.stack.loopback import loopback_http
from tests.support.api_process import NOWHERE, api_process, start_api
from tests.support.as_a_process import AsAProcess
from tests.support.polling import until

HALF = b"POST /v1/orders HTTP/1.1\r\nHost: x\r\n"

pytestmark = pytest.mark.servers
FEW_FILES = ("prlimit", "--nofile=96:96")


def test_logs_are_ours_and_an_open_stream_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: dict[str, Any] = {}

    def run(server: StreamingServer) -> None:
        told.update(vars(server.config))
        server.started = True

    monkeypatch.setattr(StreamingServer, "run", run)

    serve("api.app:create_app", host="127.0.0.1", port=8000)

    assert (told["factory"], told["host"], told["port"]) == (True, "127.0.0.1", 8000)
    assert (told["access_log"], told["log_config"]) == (False, None)
    assert told["timeout_graceful_shutdown"] < 10


async def test_with_few_files_the_door_is_narrower_and_says_so(tmp_path: Path) -> None:
    async with api_process(tmp_path, *FEW_FILES) as api, loopback_http() as http:
        halves = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(90)]
        for _, writer in halves:
            writer.write(HALF)
        await until(lambda: "connections_full" in api.events(), "a door that is full")

        honest = await http.get(f"{api.url}/healthz")

        assert honest.status_code == 200
        (narrow,) = (line for line in api.lines() if line["event"] == "fewer_connections")
        assert narrow["connections"] < narrow["open_files"] == 96
        for _, writer in halves:
            writer.close()


async def test_it_says_nothing_of_the_server_keeps_nothing_open_and_logs_json_alone(
    tmp_path: Path,
) -> None:
    """Bad requests and a Temporal that is away included."""
    async with api_process(tmp_path, SECKILL_LOG_LEVEL="DEBUG") as api, loopback_http() as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: ")
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        other_reader, other = await asyncio.open_connection("127.0.0.1", api.port)
        other.write(head)
        answered = await other_reader.readuntil(b"\r\n\r\n")
        for _ in range(30):
            writer.write(b"a" * 10_000)

        async with asyncio.timeout(60):
            refused = await reader.read()

        assert b"server:" not in answered.lower()
        assert refused.startswith(b"HTTP/1.1 431 ")
        writer.close()
        other.close()
        assert (await http.get(f"{api.url}/readyz")).status_code == 503
        stranger_reader, stranger = await asyncio.open_connection("127.0.0.1", api.port)
        stranger.write(b"no http at all\r\n\r\n")
        async with asyncio.timeout(60):
            await stranger_reader.read()
        stranger.close()

    assert all("event" in line for line in api.lines())


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SECKILL_JWT_SECRET": "short"}, "SECKILL_JWT_SECRET"),
        ({"SECKILL_JWKS_URL": "https://id.example/jwks"}, "SECKILL_JWT_AUDIENCE"),
        (
            {"SECKILL_DEV_LOGIN": "true", "SECKILL_PUBLIC_URL": "https://shop.example"},
            "SECKILL_DEV_LOGIN",
        ),
        ({"SECKILL_POSTGRES_DSN": "postgresql://u@h/x?sslmode=maybe"}, "SECKILL_POSTGRES_DSN"),
        ({"SECKILL_REDIS_URL": "cache.example:6379"}, "SECKILL_REDIS_URL"),
        ({"SECKILL_API_MAX_CONNECTIONS": "0"}, "SECKILL_API_MAX_CONNECTIONS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_cannot_start_with_it_says_in_one_line(
    as_a_process: AsAProcess,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    named: str,
) -> None:
    for name, value in {**NOWHERE, "SECKILL_API_PORT": "0", **environment}.items():
        monkeypatch.setenv(name, value)

    code, told = as_a_process("api")

    assert code == 1
    (line,) = [line for line in told.splitlines() if "cannot_start" in line]
    assert named in line
    assert "Traceback" not in told


async def test_a_process_that_cannot_start_says_so_and_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    process, _ = await start_api(log, {"SECKILL_JWT_SECRET": "short"})

    assert await process.wait() == 1
    (line,) = log.read_text().splitlines()
    assert "cannot_start" in line
