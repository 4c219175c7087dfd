"""Our own processes as parts of the stack: the api, the worker, the practice provider."""

import re
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from practice.stack.home import PROJECT
from practice.stack.loopback import loopback_http
from practice.stack.ports import LOOPBACK
from practice.stack.process import Command

_WORKFLOW_POLLERS = re.compile(
    r'^temporal_num_pollers\{[^}]*poller_type="workflow_task"[^}]*\} [1-9]', re.MULTILINE
)


@dataclass(frozen=True)
class Application:
    """A Python module that serves HTTP at `address`. `environment` is asked at the start, when
    the servers it names are up."""

    name: str
    module: tuple[str, ...]
    address: str
    environment: Callable[[], Mapping[str, str]]
    health_path: str
    # What the health answer must contain, besides a status of success.
    healthy: re.Pattern[str] = re.compile("")
    stop_signal: signal.Signals = signal.SIGTERM

    async def prepare(self) -> None:
        """Nothing: applications keep nothing on disk."""

    def command(self) -> Command:
        return Command((sys.executable, "-m", *self.module), self.environment(), PROJECT)

    async def ready(self) -> bool:
        try:
            async with loopback_http() as http:
                answer = await http.get(f"{self.address}{self.health_path}")
        except httpx.HTTPError:
            return False
        return answer.is_success and bool(self.healthy.search(answer.text))


def api(address: str, environment: Callable[[], Mapping[str, str]]) -> Application:
    """Ready when everything it needs answers."""
    return Application("api", ("cli", "api"), address, environment, "/readyz")


def worker(address: str, environment: Callable[[], Mapping[str, str]]) -> Application:
    """Ready when it asks Temporal for work: its metrics, at `address`, say so."""
    return Application("worker", ("worker",), address, environment, "/metrics", _WORKFLOW_POLLERS)


def practice_provider(
    address: str, folder: Path, environment: Callable[[], Mapping[str, str]]
) -> Application:
    """The process is called `sandbox`, as its settings are. Keeps its keys and its book in
    `folder`; sends its notices again a hundred times faster than the providers do, so that a lost
    one comes back within seconds."""
    module = (
        *("practice.provider", "--host", LOOPBACK, "--port", address.rpartition(":")[2]),
        *("--keys-dir", str(folder / "keys"), "--book", str(folder / "book.db")),
        *("--notify-retry-scale", "0.01"),
    )
    return Application("sandbox", module, address, environment, "/control")


def local_url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
