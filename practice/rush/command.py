"""A rush for a person at a terminal, or a script that wants an exit code."""

from pathlib import Path

import uvloop
from rich.console import Console

from practice.rush.plan import NoRush, plan_on, read_stack
from practice.rush.scenario import rush
from practice.rush.show import print_report

HELD, BROKEN, NO_RUSH = 0, 1, 2
PIPE_WIDTH = 100


def open_console() -> Console:
    """Plain text without a control character when the output is no terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH, no_color=True, color_system=None)
    return console


def show_rush(stack_file: Path, json_file: Path | None = None, **terms: float | str) -> int:
    """Run a rush on these terms (fields of RushPlan) and print what came of it.

    Returns the exit code: 0 only if everything holds, 2 if there was no rush.
    """
    console = open_console()
    try:
        report = uvloop.run(rush(plan_on(terms), read_stack(stack_file), console))
    except NoRush as error:
        Console(stderr=True, highlight=False).print(str(error), soft_wrap=True)
        return NO_RUSH
    print_report(console, report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")
    return HELD if report.ok else BROKEN
