"""`seckill bench-peers`: the same saga on what one would take instead, with the same stores."""

import os
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console

from bench.peers.contenders import open_contenders
from bench.peers.installation import Installation, install
from bench.peers.kill import kill_in_the_middle
from bench.peers.leaves_out import LEAVES_OUT
from bench.peers.names import PeerName
from bench.peers.report import PeersPlan, PeersReport, standings
from bench.peers.show import print_report
from bench.peers.turns import take_turns
from bench.stack import open_bench_stack
from practice.stack.settings import EmbeddedSettings

PIPE_WIDTH = 140


def show_peers(
    json_file: Path | None = None, peers: Sequence[PeerName] | None = None, **terms: int
) -> None:
    """Compare with these peers (all of them by default) on these terms (fields of PeersPlan)."""
    # Else only Ctrl-C would take the servers along.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    report = uvloop.run(compare(PeersPlan.model_validate(terms), peers or [*PeerName], console))
    print_report(console, report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")


async def compare(plan: PeersPlan, peers: Sequence[PeerName], console: Console) -> PeersReport:
    installed = Installation(python=None, restate_server=None, missing=())
    if {*peers} != {PeerName.PLAIN}:
        # Kept from one run to the next, beside the data of the stack and not among it.
        folder = EmbeddedSettings().open_home().root / "peers"
        installed = install(folder, console.print)
    began, load = datetime.now(UTC), os.getloadavg()[0]
    console.print("A stack of its own starts, with empty stores")
    async with AsyncExitStack() as closing:
        stack = await closing.enter_async_context(open_bench_stack())
        opened = await closing.enter_async_context(open_contenders(stack, peers, installed))
        orders = {one.name: plan.orders * one.times for one in opened.contenders}
        in_turn = ", ".join(f"{count} orders of {name}" for name, count in orders.items())
        console.print(f"{plan.rounds} × in turn: {in_turn}")
        turns = await take_turns(opened.contenders, plan)
        survivals = []
        for one in opened.contenders:
            console.print(f"kill -9 of the worker: {one.name}")
            survivals.append(await kill_in_the_middle(one, orders[one.name]))
    return PeersReport(
        plan=plan,
        began=began,
        ended=datetime.now(UTC),
        load=(load, os.getloadavg()[0]),
        processors=os.cpu_count() or 1,
        standings=standings(turns, orders),
        survivals=tuple(survivals),
        missing=(*installed.missing, *opened.failed),
        leaves_out=LEAVES_OUT,
    )
