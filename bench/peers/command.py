"""`seckill bench-peers`: the same saga on what one would take instead, with the same stores."""

import os
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console

from bench.peers.contenders import PEERS, PLAIN, open_contenders
from bench.peers.installation import Installation, install
from bench.peers.kill import kill_in_the_middle
from bench.peers.leaves_out import LEAVES_OUT
from bench.peers.report import PeersPlan, PeersReport, standings
from bench.peers.show import print_report
from bench.peers.turns import take_turns
from bench.stack import open_bench_stack
from practice.stack.settings import EmbeddedSettings

PIPE_WIDTH = 140


def show_peers(
    json_file: Path | None = None, peers: Sequence[str] | None = None, **terms: int
) -> None:
    """Compare with these peers (all of them by default) on these terms (fields of PeersPlan).
    Raises ValueError when one is not known."""
    names = tuple(peers or PEERS)
    if unknown := {*names} - {*PEERS}:
        raise ValueError(f"no such peer: {', '.join(sorted(unknown))}; {', '.join(PEERS)} are")
    # Else only Ctrl-C would take the servers along.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    report = uvloop.run(compare(PeersPlan.model_validate(terms), names, console))
    print_report(console, report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")


async def compare(plan: PeersPlan, names: Sequence[str], console: Console) -> PeersReport:
    installed = Installation(python=None, restate_server=None, missing=())
    if {*names} - {PLAIN}:
        # Kept from one run to the next, beside the data of the stack and not among it.
        folder = EmbeddedSettings().open_home().root / "peers"
        installed = install(folder, console.print)
    began, load = datetime.now(UTC), os.getloadavg()[0]
    console.print("A stack of its own starts, with empty stores")
    async with AsyncExitStack() as closing:
        stack = await closing.enter_async_context(open_bench_stack())
        contenders = await closing.enter_async_context(open_contenders(stack, names, installed))
        console.print(
            f"{plan.rounds} × {plan.orders} orders in turn: "
            + ", ".join(
                one.name if one.times == 1 else f"{one.name} ×{one.times}" for one in contenders
            )
        )
        turns = await take_turns(contenders, plan)
        survivals = []
        for one in contenders:
            console.print(f"kill -9 of the worker: {one.name}")
            survivals.append(await kill_in_the_middle(one, plan.orders_at_kill * one.times))
    return PeersReport(
        plan=plan,
        began=began,
        ended=datetime.now(UTC),
        load=(load, os.getloadavg()[0]),
        processors=os.cpu_count() or 1,
        standings=standings(turns, {one.name: plan.orders * one.times for one in contenders}),
        survivals=tuple(survivals),
        missing=installed.missing,
        leaves_out=LEAVES_OUT,
    )
