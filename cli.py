"""The `seckill` command. Rooms are imported by the command that needs them, so that
`seckill --help` is there at once."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import bench, bench_peers
from practice.chaos.cli import chaos
from practice.rush import options
from practice.rush.cli import rush
from verifying.cli import verify_draw

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Flash-sale orders as durable workflows.",
)

Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Just this process; may be given several times.", metavar="NAME"),
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready.")]


@app.command()
def up(detach: Detach = False, only: Only = None) -> None:
    """Start what is not running of the embedded stack; Ctrl-C stops everything.

    State is kept under SECKILL_HOME (.seckill); started again, it goes on with the same data.
    """
    from infra.one_line import in_one_line
    from practice.stack.binaries import ServerNotInstalled
    from practice.stack.foreground import run_in_front
    from practice.stack.process import ServerFailed
    from practice.stack.settings import EmbeddedSettings
    from practice.stack.show import announce, print_addresses, report_death
    from practice.stack.startup import StackFailed, start_stack

    with in_one_line(StackFailed, ServerFailed, ServerNotInstalled, OSError):
        settings, names = EmbeddedSettings(), _chosen(only)
        home = settings.open_home()
        if detach:
            print_addresses(asyncio.run(start_stack(settings, home, names)))
            return
        asyncio.run(
            run_in_front(settings, home, names=names, announce=announce, report_death=report_death)
        )


@app.command()
def down() -> None:
    """Stop everything that `up` started. The data stays."""
    from practice.stack.settings import EmbeddedSettings
    from practice.stack.shutdown import stop_stack

    for name in asyncio.run(stop_stack(EmbeddedSettings().open_home())):
        typer.echo(f"{name} did not stop by itself and was killed", err=True)


@app.command()
def status(only: Only = None) -> None:
    """Show each process, its pid and its address. Exit code 0 when all of them run."""
    from practice.stack.settings import EmbeddedSettings
    from practice.stack.show import print_status
    from practice.stack.status import stack_status

    settings = EmbeddedSettings()
    parts = asyncio.run(stack_status(settings, settings.open_home(), _chosen(only)))
    print_status(parts)
    raise typer.Exit(0 if all(part.well for part in parts) else 1)


@app.command()
def api() -> None:
    """Serve the HTTP API, with the settings of the environment."""
    from api.serve import serve
    from infra.settings import Settings
    from infra.telemetry import configure_logging, saying_why_not

    with saying_why_not():
        settings = Settings()
        configure_logging(settings)
        serve(
            "api.app:create_app",
            host=settings.api_host,
            port=settings.api_port,
            connections=settings.api_max_connections,
        )


Deployment = Annotated[
    str | None, typer.Option(help="Its name, where versions are rolled out by share.")
]
BuildId = Annotated[str | None, typer.Option(help="Which version this is; else the release's.")]


@app.command()
def worker(deployment: Deployment = None, build_id: BuildId = None) -> None:
    """Run workflows, activities and the dispatcher, with the settings of the environment.

    With a deployment, Temporal gives it new workflows only once its version is current or ramping.
    """
    from worker import main

    main(deployment=deployment, build_id=build_id)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema: SECKILL_POSTGRES_DSN, else the running stack's."""
    from infra.one_line import in_one_line
    from infra.postgres.migrate import NotMigrated, migrate
    from infra.settings import Settings
    from practice.stack.settings import EmbeddedSettings
    from practice.stack.stack_file import StackFile

    with in_one_line(NotMigrated):
        embedded, settings = EmbeddedSettings(), Settings()
        stack = None if embedded.postgres_dsn else StackFile.read(embedded.open_home())
        where = stack or settings
        asyncio.run(migrate(where.postgres_dsn, pooler=settings.postgres_pooler))


@app.command()
def audit(
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what needs no decision, and audit again.")
    ] = False,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="Look at all, not only at what changed since an audit was sound."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Prove that all stores agree: those the environment names, else the running stack's.

    Exit code 0 only if every line is proved.
    """
    from audit.command import show_audit
    from infra.one_line import in_one_line
    from practice.stack.running import running_settings
    from workflow_client import connect_workflows

    with in_one_line():
        settings = running_settings()
        connect = partial(connect_workflows, settings)
        code = show_audit(settings, connect, with_repair=repair, as_json=as_json, whole=whole)
    raise typer.Exit(code)


@app.command()
def preflight(
    sale: str,
    dry_run: Annotated[bool, typer.Option(help="Carry out an order in practice, too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Look whether a sale can open. Exit code 0 only if every line is right; 2: unknown sale."""
    from api.preflight.command import show_preflight
    from infra.one_line import in_one_line
    from practice.stack.running import settings_of_the_running_api

    with in_one_line():
        code = show_preflight(settings_of_the_running_api(), sale, dry_run=dry_run, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def token(
    user: Annotated[str, typer.Option(help="The user id the token is for.")],
    role: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="How long it is good.")] = 12.0,
) -> None:
    """Print a bearer token for the API of the embedded stack."""
    from practice.stack.environment import jwt_secret
    from practice.stack.settings import EmbeddedSettings
    from practice.stack.stack_file import issue_token

    settings = EmbeddedSettings()
    home = settings.open_home()
    home.create()
    secret, seconds = jwt_secret(settings, home), int(hours * 3600)
    issuer, audience = settings.jwt_issuer, settings.jwt_audience
    typer.echo(
        issue_token(secret, user, role or [], issuer=issuer, audience=audience, seconds=seconds)
    )


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def sandbox(context: typer.Context) -> None:
    """Run the practice payment provider by itself (`python -m practice.provider`, same options)."""
    from practice.provider.__main__ import main

    sys.argv = ["seckill sandbox", *context.args]
    main()


@app.command()
def demo(
    buyers: options.Buyers = 1000,
    units: options.Units = 100,
    pay_window: options.PayWindow = 15,
    seed: options.Seed = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running.")] = False,
    json_file: options.JsonFile = None,
) -> None:
    """Start everything, let crowds rush a sale and another one by lot, prove all by audits.

    A stack that runs already is used, and left running.
    """
    from practice.rush.command import show_rush

    with _whole_stack(keep) as stack_file:
        exit_code = show_rush(
            stack_file, json_file,
            buyers=buyers, units=units, pay_window=pay_window, lost_notices=0.1, seed=seed,
        )  # fmt: skip
        typer.echo("\nAnd a small one by lot, with bots among those who come")
        # All pay or cancel at once: the room is soon over, and everybody told.
        drawn_code = show_rush(
            stack_file, admission="draw", buyers=200, units=20, bots=0.3, leave=0.03,
            pay=0.9, cancel=0.1, pay_window=60, seconds=20, seed=seed,
        )  # fmt: skip
    raise typer.Exit(max(exit_code, drawn_code))


app.command()(rush)
app.command()(chaos)
app.command()(bench)
app.command("bench-peers")(bench_peers)
app.command("verify-draw")(verify_draw)


@contextmanager
def _whole_stack(keep: bool) -> Iterator[Path]:
    """The stack file of a stack that runs; what was started for it is stopped afterwards."""
    # Else only Ctrl-C would take the servers along.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    from infra.one_line import in_one_line
    from practice.stack.binaries import ServerNotInstalled
    from practice.stack.process import ServerFailed
    from practice.stack.settings import EmbeddedSettings
    from practice.stack.show import print_addresses
    from practice.stack.shutdown import stop_stack
    from practice.stack.startup import StackFailed, start_stack

    settings = EmbeddedSettings()
    home = settings.open_home()
    keep = keep or home.stack_file.exists()
    typer.echo("Starting Temporal, Redis, Postgres, a practice payment provider, API and worker")
    with in_one_line(StackFailed, ServerFailed, ServerNotInstalled, OSError):
        stack = asyncio.run(start_stack(settings, home))
    print_addresses(stack)
    try:
        yield home.stack_file
    finally:
        if keep:
            typer.echo("\nThe stack runs on: look around there; `seckill down` stops it.")
            print_addresses(stack)
        else:
            asyncio.run(stop_stack(home))
            typer.echo("\nThe stack is stopped; `seckill up` brings it back with all its orders.")


def _chosen(only: list[str] | None) -> frozenset[str]:
    from practice.stack.parts import EVERYTHING

    names = frozenset(only or EVERYTHING)
    if unknown := names - EVERYTHING:
        raise typer.BadParameter(f"no such process: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    app()
