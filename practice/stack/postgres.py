"""An embedded Postgres 18, as root and as an ordinary user."""

import asyncio
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from practice.stack.binaries import postgres_bin
from practice.stack.nameless import has_a_name
from practice.stack.ports import LOOPBACK
from practice.stack.process import Command, ServerFailed

# Postgres refuses to run as root. "nobody" exists on every Linux and owns nothing.
_NOBODY = 65534
_ORPHANS_END_WITHIN_SECONDS = 5.0
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class PostgresServer:
    """`durable=False` is for tests: as quick as possible, and lost with the power."""

    folder: Path
    port: int
    database: str = "seckill"
    durable: bool = True
    name: str = "postgres"
    # SIGINT is Postgres's fast shutdown; SIGTERM would wait until every client has left.
    stop_signal: signal.Signals = signal.SIGINT

    @property
    def address(self) -> str:
        return self._dsn(self.database)

    def _dsn(self, database: str) -> str:
        return f"postgresql://postgres@{LOOPBACK}:{self.port}/{database}"

    async def prepare(self) -> None:
        await self._until_orphans_ended()
        if not (self.folder / "PG_VERSION").exists():
            await self._initialise()
        # Nobody serves this folder any more, so the pid in there belongs to a stranger at best.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def command(self) -> Command:
        values = (
            f"listen_addresses={LOOPBACK}",
            # No socket file: its path may be too long for the kernel below a deep folder.
            "unix_socket_directories=",
            *("max_connections=200", "shared_buffers=128MB", "max_wal_size=2GB"),
            *(() if self.durable else _NOT_DURABLE),
        )
        options = (word for value in values for word in ("-c", value))
        postgres = str(postgres_bin() / "postgres")
        server = (postgres, "-D", str(self.folder), "-p", str(self.port), *options)
        return Command((*self._as_other_user(), *server))

    async def ready(self) -> bool:
        try:
            connection = await asyncpg.connect(self._dsn("postgres"), timeout=2.0, ssl=False)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        try:
            return bool(await connection.fetchval("SELECT 1", timeout=2.0) == 1)
        finally:
            await connection.close(timeout=2.0)

    async def _initialise(self) -> None:
        """initdb beside the final place: a half-made folder never counts as the data folder."""
        if not has_a_name():
            # Its own words name neither the cause nor a way out.
            raise ServerFailed(
                self.name,
                f"cannot be set up: uid {os.geteuid()} has no name, and initdb asks for one. Give"
                " it a line in /etc/passwd, or set SECKILL_POSTGRES_DSN to another server",
            )
        fresh = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        try:
            self._hand_over(fresh)
            await self._run_initdb(fresh)
            fresh.rename(self.folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    async def _run_initdb(self, folder: Path) -> None:
        initdb = (str(postgres_bin() / "initdb"), "-D", str(folder), "-U", "postgres")
        options = ("-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions")
        sync = () if self.durable else ("--no-sync",)
        process = await asyncio.create_subprocess_exec(
            *(*self._as_other_user(), *initdb, *options, *sync),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        reading = asyncio.ensure_future(process.communicate())
        try:
            output, _ = await asyncio.shield(reading)
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            # The pipe ends with the last of initdb's processes: until then they may still write.
            await reading
            raise
        if process.returncode != 0:
            raise self._impossible_here(output.decode(errors="replace"))

    def _hand_over(self, folder: Path) -> None:
        if os.geteuid() != 0:
            return
        try:
            os.chown(folder, _NOBODY, _NOBODY)
        except PermissionError as error:
            raise self._impossible_here(str(error)) from error

    def _impossible_here(self, why: str) -> ServerFailed:
        advice = "set SECKILL_HOME to another place, or SECKILL_POSTGRES_DSN to another server"
        return ServerFailed(self.name, f"could not be set up in {self.folder} ({advice}):\n{why}")

    def _as_other_user(self) -> tuple[str, ...]:
        if os.geteuid() != 0:
            return ()
        user = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
        folders = {*postgres_bin().resolve().parents, *self.folder.resolve().parents}
        if all(folder.stat().st_mode & 0o001 for folder in folders if folder.exists()):
            return (*user, "--inh-caps=-all", "--bounding-set=-all", "--")
        # Below a folder of root alone (a clone in /root) that user could not even open the
        # program. It gets this one right of root's, to pass folders, and no other; the secure
        # bit makes access(2) respect it, by which Postgres looks for its own programs.
        keep = ("--inh-caps=-all,+dac_override", "--ambient-caps=+dac_override")
        return (
            *(*user, *keep, "--bounding-set=-all,+dac_override"),
            *("--securebits=+no_setuid_fixup", "--"),
        )

    async def _until_orphans_ended(self) -> None:
        """After a kill -9 of the first process its children live on for a moment and hold the
        shared memory; a new server would refuse to start."""
        deadline = time.monotonic() + _ORPHANS_END_WITHIN_SECONDS
        while orphans := [process for process in psutil.process_iter() if self._serves(process)]:
            if time.monotonic() > deadline:
                for orphan in orphans:
                    with suppress(psutil.NoSuchProcess):
                        orphan.kill()
            await asyncio.sleep(0.05)

    def _serves(self, process: psutil.Process) -> bool:
        """Every Postgres process has the data folder as its working directory."""
        with suppress(psutil.Error, OSError):
            return process.name() == "postgres" and Path(process.cwd()) == self.folder.resolve()
        return False
