"""The command `chaos`. Imports nothing heavy: `--help` must be there at once."""

from typing import Annotated

import typer

from practice.rush import options


def chaos(
    seconds: Annotated[float, typer.Option(min=1, help="How long faults strike.")] = 300.0,
    seed: Annotated[int, typer.Option(help="The same seed plans the same faults.")] = 1,
    buyers: Annotated[int, typer.Option(min=0, help="How many come; 0: two a second.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave its data and logs.")] = False,
    json_file: options.JsonFile = None,
) -> None:
    """Strike a stack of its own while a crowd rushes it, and prove that it heals.

    Processes are killed and frozen, connections cut and slowed, pools filled; the provider hangs
    and lies. Exit code 0 only if all comes to rest each time, the audit holds, all that the
    crowd saw too, and no person is needed.
    """
    from practice.chaos.command import show_chaos
    from practice.chaos.plan import ChaosPlan
    from practice.stack.settings import EmbeddedSettings

    plan = ChaosPlan(seconds=seconds, seed=seed, buyers=buyers)
    raise typer.Exit(show_chaos(EmbeddedSettings().open_home().root, plan, json_file, keep=keep))
