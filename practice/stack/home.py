"""The folder that holds everything of an embedded stack, and what is remembered in it."""

import asyncio
import fcntl
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from practice.stack.ports import free_port, is_free
from practice.stack.process import RunningProcess

PROJECT = Path(__file__).resolve().parents[2]

_PROCESSES = TypeAdapter(list[RunningProcess])


@dataclass(frozen=True)
class Home:
    root: Path

    @property
    def stack_file(self) -> Path:
        return self.root / "stack.json"

    @property
    def log_dir(self) -> Path:
        return self.root / "logs"

    @property
    def sandbox_keys_dir(self) -> Path:
        return self.root / "sandbox" / "keys"

    def log(self, name: str) -> Path:
        return self.log_dir / f"{name}.log"

    def create(self) -> None:
        """The folder itself stays open to pass: Postgres, as another user, lives below it."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("logs", "secrets", "redis", "temporal", "sandbox"):
            (self.root / name).mkdir(mode=0o700, exist_ok=True)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Only one `up` or `down` at a time; the second one waits for the first."""
        with (self.root / "lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    # A blocking flock would stop the event loop, signals included.
                    await asyncio.sleep(0.1)
            yield

    def secret(self, name: str) -> str:
        """A random secret, made once and the same ever after."""
        path = self.root / "secrets" / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(48))
        return path.read_text()

    def processes(self) -> list[RunningProcess]:
        """What was started and not stopped since; it may have died."""
        path = self._processes_file
        return _PROCESSES.validate_json(path.read_bytes()) if path.exists() else []

    def process(self, name: str) -> RunningProcess | None:
        return next((known for known in self.processes() if known.name == name), None)

    def remember(self, process: RunningProcess) -> None:
        others = [known for known in self.processes() if known.name != process.name]
        self._write_processes([*others, process])

    def forget(self, name: str) -> None:
        self._write_processes([known for known in self.processes() if known.name != name])

    def ports(
        self, names: tuple[str, ...], wanted: dict[str, int], *, remember: bool
    ) -> dict[str, int]:
        """A port for each name: the wanted one, else that of last time, else a free one.

        A remembered port that a stranger holds is given up, but only while nothing of the stack
        runs: what runs has been told the old one.
        """
        remembered = json.loads(self._ports_file.read_text()) if self._ports_file.exists() else {}
        if not any(process.alive for process in self.processes()):
            remembered = {name: port for name, port in remembered.items() if is_free(port)}
        ports = {name: wanted.get(name) or remembered.get(name) or free_port() for name in names}
        if remember:
            write_private(self._ports_file, json.dumps(ports, indent=2))
        return ports

    @property
    def _ports_file(self) -> Path:
        return self.root / "ports.json"

    @property
    def _processes_file(self) -> Path:
        return self.root / "processes.json"

    def _write_processes(self, processes: list[RunningProcess]) -> None:
        write_private(self._processes_file, _PROCESSES.dump_json(processes, indent=2).decode())


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; a reader never sees half of it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
