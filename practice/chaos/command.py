"""A chaos run for a person at a terminal, or a script that wants an exit code."""

import shutil
import signal
import tempfile
from functools import partial
from pathlib import Path

import uvloop

from infra.one_line import in_one_line
from practice.chaos.plan import ChaosPlan
from practice.chaos.run import chaos
from practice.chaos.show import print_report, print_round
from practice.rush.command import open_console
from practice.stack.binaries import ServerNotInstalled
from practice.stack.home import Home
from practice.stack.process import ServerFailed
from practice.stack.startup import StackFailed

HELD, BROKEN = 0, 1


def show_chaos(
    parent: Path, plan: ChaosPlan, json_file: Path | None = None, *, keep: bool = False
) -> int:
    """Strike a stack in a fresh folder below `parent`, and print what came of it.

    Returns the exit code: 0 only if everything holds; then the folder is gone, unless it is to be
    kept.
    """
    # Else only Ctrl-C would take the servers along.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = open_console()
    home = _fresh_home(parent)
    with in_one_line(StackFailed, ServerFailed, ServerNotInstalled, OSError):
        report = uvloop.run(chaos(plan, home, partial(print_round, console)))
    print_report(console, report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")
    if report.ok and not keep:
        shutil.rmtree(home.root, ignore_errors=True)
    else:
        console.print(f"The logs are in {home.log_dir}", soft_wrap=True)
    return HELD if report.ok else BROKEN


def _fresh_home(parent: Path) -> Home:
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=parent))
    # Postgres, as another user, lives below it.
    folder.chmod(0o755)
    return Home(folder.resolve())
