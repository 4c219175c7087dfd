"""Restate's server, and that it knows where the workflow is served."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from practice.stack.loopback import loopback_http
from practice.stack.ports import LOOPBACK, free_port
from practice.stack.process import Command, ServerFailed

# 24 by default, which two processors only suffer from: orders a second 221 → 364 and more.
PARTITIONS = 2
REGISTERED_WITHIN_SECONDS = 30.0
POLL_SECONDS = 0.3


@dataclass(frozen=True)
class RestateServer:
    """Keeps its data in `folder`. Its log is written to disk before it answers, as by default."""

    program: Path
    folder: Path
    ingress_port: int
    admin_port: int
    node_port: int
    name: str = "restate"
    stop_signal: signal.Signals = signal.SIGTERM

    @classmethod
    def on_free_ports(cls, program: Path, folder: Path) -> "RestateServer":
        return cls(program, folder, free_port(), free_port(), free_port())

    @property
    def address(self) -> str:
        """The ingress, by which orders are started and told of their money."""
        return f"http://{LOOPBACK}:{self.ingress_port}"

    @property
    def admin(self) -> str:
        return f"http://{LOOPBACK}:{self.admin_port}"

    async def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        return Command((str(self.program), "--no-logo"), self._environment(), self.folder)

    async def ready(self) -> bool:
        try:
            async with loopback_http() as http:
                return (await http.get(f"{self.admin}/health")).is_success
        except httpx.HTTPError:
            return False

    async def register(self, app_port: int) -> None:
        """Have it ask the worker at this port which workflows it serves. Raises ServerFailed."""
        deployment = {"uri": f"http://{LOOPBACK}:{app_port}"}
        answer = "no answer"
        with suppress(TimeoutError):
            async with asyncio.timeout(REGISTERED_WITHIN_SECONDS), loopback_http() as http:
                while True:
                    with suppress(httpx.HTTPError):
                        told = await http.post(f"{self.admin}/deployments", json=deployment)
                        if told.is_success:
                            return
                        answer = told.text
                    await asyncio.sleep(POLL_SECONDS)
        raise ServerFailed(self.name, f"does not know the worker: {answer[:500]}")

    def _environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "RESTATE_BASE_DIR": str(self.folder),
            "RESTATE_NODE_NAME": "one",
            "RESTATE_CLUSTER_NAME": "peers",
            "RESTATE_DEFAULT_NUM_PARTITIONS": str(PARTITIONS),
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_LOG_FILTER": "warn",
            "RESTATE_INGRESS__BIND_ADDRESS": f"{LOOPBACK}:{self.ingress_port}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"{LOOPBACK}:{self.admin_port}",
            "RESTATE_BIND_ADDRESS": f"{LOOPBACK}:{self.node_port}",
            "RESTATE_ADVERTISED_ADDRESS": f"http://{LOOPBACK}:{self.node_port}",
        }
