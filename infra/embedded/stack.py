"""The whole stack: start what is not running, say how it is, stop it.

There is no supervisor. Each process lives in its own session and is remembered in the home; so
whoever comes next, after whatever happened, finds what is running and goes on from there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from domain.model import Value
from infra.embedded.binaries import ServerNotInstalled
from infra.embedded.environment import jwt_secret
from infra.embedded.home import Home
from infra.embedded.plan import PROCESSES, Plan, plan_stack
from infra.embedded.process import RunningProcess, Server, ServerFailed, spawn, stop, until_ready
from infra.embedded.settings import EmbeddedSettings, without_password
from infra.embedded.stack_file import StackFile, issue_token
from infra.postgres.migrate import migrate

EVERYTHING = frozenset(PROCESSES)
_APPLICATIONS = frozenset({"api", "worker"})
_WATCH_SECONDS = 0.3

RUNNING = "running"
NOT_ANSWERING = "not answering"
DIED = "died"
STOPPED = "stopped"
ELSEWHERE = "elsewhere"


class PartStatus(Value):
    name: str
    state: str
    pid: int | None = None
    address: str | None = None

    @property
    def well(self) -> bool:
        return self.state in (RUNNING, ELSEWHERE)


class StackFailed(Exception):
    """Something could not start. The message names each such process, with the end of its log."""


async def start_stack(
    settings: EmbeddedSettings, home: Home, names: frozenset[str] = EVERYTHING
) -> StackFile:
    """Start those of `names` that do not run, and return when all of them are ready.

    Raises StackFailed or ServerFailed; then what this call started has been stopped again, and
    what ran before still runs.
    """
    home.create()
    async with home.locked():
        plan = plan_stack(settings, home)
        started: list[RunningProcess] = []
        try:
            await _start_in_order(plan.only(names), settings, home, started)
        except BaseException:
            await _stop_all(home, started)
            raise
        stack = _describe(settings, home, plan)
        stack.write(home)
        return stack


async def stop_stack(home: Home) -> list[str]:
    """Stop whatever runs, applications before servers; returns the names of what had to be
    killed. Nothing running is fine."""
    if not home.root.exists():
        return []
    async with home.locked():
        killed = await _stop_all(home, home.processes())
        home.stack_file.unlink(missing_ok=True)
        return killed


async def stack_status(
    settings: EmbeddedSettings, home: Home, names: frozenset[str] = EVERYTHING
) -> list[PartStatus]:
    """How each part is, in the order of starting. Changes nothing."""
    plan = plan_stack(settings, home, remember=False).only(names)
    here = await asyncio.gather(*(_status(server, home) for server in plan.processes))
    there = [
        PartStatus(name=name, state=ELSEWHERE, address=without_password(address))
        for name, address in plan.elsewhere.items()
        if name in names
    ]
    return sorted([*here, *there], key=lambda part: PROCESSES.index(part.name))


async def watch_stack(
    home: Home, until: asyncio.Event, report: Callable[[RunningProcess], None]
) -> None:
    """Report each process that dies, once. Ends with `until`, or when the stack was stopped by
    somebody else; a process that somebody started again is watched in its place."""
    reported: set[int] = set()
    while not until.is_set() and (processes := home.processes()):
        for process in processes:
            if process.pid not in reported and not process.alive:
                reported.add(process.pid)
                report(process)
        await _wait(until, _WATCH_SECONDS)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


async def _start_in_order(
    plan: Plan, settings: EmbeddedSettings, home: Home, started: list[RunningProcess]
) -> None:
    patience = settings.ready_within_seconds
    await _together(_ensure(server, home, started, patience) for server in plan.servers)
    postgres = plan.address("postgres")
    if postgres and (plan.applications or "postgres" not in plan.elsewhere):
        await _migrate(postgres)
    await _together(_ensure(server, home, started, patience) for server in plan.applications)


async def _ensure(
    server: Server, home: Home, started: list[RunningProcess], patience: float
) -> None:
    known = home.process(server.name)
    if known is None or not known.alive:
        await server.prepare()
        known = spawn(server, home.log(server.name))
        started.append(known)
        home.remember(known)
    elif known.address != server.address:
        raise ServerFailed(
            server.name,
            f"runs at {known.address} and is now wanted at {server.address}: `seckill down` first",
        )
    await until_ready(server, known, timeout_seconds=patience)


async def _together(starts: Iterable[Coroutine[None, None, None]]) -> None:
    """All of them, and the failures of all of them: two broken servers are told at once."""
    results = await asyncio.gather(*starts, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, ServerFailed | ServerNotInstalled | OSError):
            raise failure
    if failures:
        raise StackFailed("\n\n".join(str(failure) for failure in failures))


async def _migrate(dsn: str) -> None:
    try:
        await migrate(dsn)
    except (OSError, TimeoutError, asyncpg.PostgresError, SQLAlchemyError) as error:
        where = without_password(dsn)
        raise StackFailed(
            f"postgres at {where} could not be brought up to date: {error}"
        ) from error


async def _stop_all(home: Home, processes: Iterable[RunningProcess]) -> list[str]:
    ours = [process for process in processes if process.name in _APPLICATIONS]
    servers = [process for process in processes if process.name not in _APPLICATIONS]
    return [*await _stop_together(home, ours), *await _stop_together(home, servers)]


async def _stop_together(home: Home, processes: list[RunningProcess]) -> list[str]:
    gently = await asyncio.gather(*(stop(process) for process in processes))
    for process in processes:
        home.forget(process.name)
    return [process.name for process, kind in zip(processes, gently, strict=True) if not kind]


async def _status(server: Server, home: Home) -> PartStatus:
    known = home.process(server.name)
    if known is None:
        return PartStatus(name=server.name, state=STOPPED)
    if not known.alive:
        return PartStatus(name=server.name, state=DIED, address=known.address)
    # Settings may have changed since it was started; then the question went to another address.
    answers = known.address == server.address and await server.ready()
    return PartStatus(
        name=server.name,
        state=RUNNING if answers else NOT_ANSWERING,
        pid=known.pid,
        address=known.address,
    )


def _describe(settings: EmbeddedSettings, home: Home, plan: Plan) -> StackFile:
    sandbox_url = plan.address("sandbox")
    return StackFile(
        api_url=plan.address("api") or "",
        temporal_address=plan.address("temporal") or "",
        temporal_ui_url=plan.temporal_ui_url,
        redis_url=without_password(plan.address("redis") or ""),
        postgres_dsn=without_password(plan.address("postgres") or ""),
        sandbox_url=sandbox_url,
        sandbox_keys_dir=home.sandbox_keys_dir if sandbox_url else None,
        operator_token=issue_token(
            jwt_secret(settings, home), "operator", ["operator"], issuer=settings.jwt_issuer
        ),
        log_dir=home.log_dir,
        pids={process.name: process.pid for process in home.processes() if process.alive},
    )
