"""What `seckill up` and `seckill status` say in a terminal."""

import sys

from practice.stack.process import RunningProcess, log_excerpt
from practice.stack.stack_file import StackFile
from practice.stack.status import PartStatus


def print_addresses(stack: StackFile) -> None:
    lines = {
        "API": f"{stack.api_url} (documentation at /docs)",
        "Temporal UI": stack.temporal_ui_url,
        "Temporal": stack.temporal_address,
        "Redis": stack.redis_url,
        "Postgres": stack.postgres_dsn,
        "Payments": stack.sandbox_url,
        "Logs": stack.log_dir,
    }
    for label, address in lines.items():
        if address:
            print(f"  {label:<12} {address}")


def announce(stack: StackFile) -> None:
    """The stack runs in front: say where it is, and how it ends."""
    print_addresses(stack)
    print("Ctrl-C stops everything.", flush=True)


def report_death(process: RunningProcess) -> None:
    end = log_excerpt(process.log)
    print(f"{process.name} (pid {process.pid}) has died{end}", file=sys.stderr)
    hint = "The others go on; `seckill up --detach` starts it again."
    print(hint, file=sys.stderr, flush=True)


def print_status(parts: list[PartStatus]) -> None:
    # Only here is a table drawn, and an `up` need not wait for the pencils.
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "pid", "state", "address", box=None)
    for part in parts:
        colour = "green" if part.well else "red"
        pid = str(part.pid or "-")
        table.add_row(part.name, pid, f"[{colour}]{part.state}[/]", part.address or "-")
    # Piped into a file or another program, an address must not be folded.
    Console(width=None if sys.stdout.isatty() else 200).print(table)
