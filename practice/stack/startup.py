"""`seckill up`: start what is not running, and say where it is.

There is no supervisor. Each process lives in its own session and is remembered in the home; so
whoever comes next, after whatever happened, finds what is running and goes on from there.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping

from practice.stack.binaries import ServerNotInstalled
from practice.stack.environment import jwt_secret
from practice.stack.home import Home
from practice.stack.parts import EVERYTHING
from practice.stack.plan import Plan, plan_stack
from practice.stack.process import RunningProcess, Server, ServerFailed, spawn, until_ready
from practice.stack.settings import EmbeddedSettings, without_password
from practice.stack.shutdown import stop_processes
from practice.stack.stack_file import StackFile, issue_token


class StackFailed(Exception):
    """Something could not start. The message names each such process, with the end of its log."""


async def start_stack(
    settings: EmbeddedSettings,
    home: Home,
    names: frozenset[str] = EVERYTHING,
    through: Mapping[str, str] | None = None,
) -> StackFile:
    """Start those of `names` that do not run, and return when all of them are ready. The
    applications call servers `through` other addresses, where it names one.

    Raises StackFailed or ServerFailed; then what this call started has been stopped again, and
    what ran before still runs.
    """
    home.create()
    async with home.locked():
        plan = plan_stack(settings, home, through=through)
        started: list[RunningProcess] = []
        try:
            await _start_in_order(plan.only(names), settings, home, started)
        except BaseException:
            await stop_processes(home, started)
            raise
        stack = _describe(settings, home, plan)
        stack.write(home)
        return stack


async def _start_in_order(
    plan: Plan, settings: EmbeddedSettings, home: Home, started: list[RunningProcess]
) -> None:
    within_seconds = settings.ready_within_seconds
    await _together(_ensure(server, home, started, within_seconds) for server in plan.servers)
    postgres = plan.address("postgres")
    if postgres and (plan.applications or "postgres" not in plan.elsewhere):
        pooler = settings.postgres_pooler and "postgres" in plan.elsewhere
        await _migrate(postgres, pooler=pooler)
    await _together(_ensure(server, home, started, within_seconds) for server in plan.applications)


async def _ensure(
    server: Server, home: Home, started: list[RunningProcess], within_seconds: float
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
    await until_ready(server, known, timeout_seconds=within_seconds)


async def _together(starts: Iterable[Coroutine[None, None, None]]) -> None:
    """All of them, and the failures of all of them: two broken servers are told at once."""
    results = await asyncio.gather(*starts, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, ServerFailed | ServerNotInstalled | OSError):
            raise failure
    if failures:
        raise StackFailed("\n\n".join(str(failure) for failure in failures))


async def _migrate(dsn: str, *, pooler: bool) -> None:
    # A second to import, and only an `up` pays for it.
    from infra.postgres.migrate import NotMigrated, migrate
    from infra.settings import UnusableSetting

    try:
        await migrate(dsn, pooler=pooler)
    except (UnusableSetting, NotMigrated) as error:
        raise StackFailed(f"postgres at {without_password(dsn)}: {error}") from error


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
            jwt_secret(settings, home),
            "operator",
            ["operator"],
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
        ),
        log_dir=home.log_dir,
        pids={process.name: process.pid for process in home.processes() if process.alive},
    )
