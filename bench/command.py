"""`seckill bench`: what this machine can do, as ratios that another machine can be held to."""

import signal
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

from bench.backlog import BacklogBench
from bench.figures import BenchPlan
from bench.frozen import FrozenBench
from bench.instruments import Instruments
from bench.latency import LatencyBench
from bench.machine import Machine
from bench.opening.opening import measure_opening
from bench.opening.people import People
from bench.orders import OrderBench
from bench.parts import Part
from bench.posts import PostBench
from bench.recovery import RecoveryBench
from bench.report import BenchReport
from bench.show import print_report
from bench.show_variants import print_variants
from bench.stack import BenchStack, open_bench_stack
from bench.streams import StreamBench
from bench.variants import Environments, VariantsReport, in_turns, read_variants, run_turn

PIPE_WIDTH = 120


def show_bench(
    only: Sequence[Part] | None,
    variants: Sequence[str] | None,
    turns: int,
    json_file: Path | None,
    **terms: float,
) -> None:
    """Measure these parts (all, if none is named) on these terms (fields of BenchPlan), and print
    what was found. With `variants` each is measured in `turns` turns. Raises NoVariant, TurnFailed.
    """
    plan, parts = BenchPlan.model_validate(terms), tuple(only or Part)
    environments = read_variants(variants or ())
    # Else only Ctrl-C would take the servers along.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    report: BenchReport | VariantsReport
    if environments:
        report = compare(environments, turns, parts, plan, console)
        print_variants(console, report)
    else:
        report = uvloop.run(bench(parts, plan, console))
        print_report(console, report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")


async def bench(parts: Collection[Part], plan: BenchPlan, console: Console) -> BenchReport:
    machine = await Machine.look()
    found: dict[str, Any] = {}
    if Part.OPENING in parts:
        people = People.of(plan.people, plan.bot_clicks)
        found["opening"] = await measure_opening(people, console.print)
    if set(parts) != {Part.OPENING}:
        console.print("A stack of its own starts, with empty stores")
        async with AsyncExitStack() as closing:
            stack = await closing.enter_async_context(open_bench_stack())
            found |= await _measure(stack, parts, plan, console, closing)
    return BenchReport(plan=plan, machine=await machine.looked_at_again(), **found)


def compare(
    environments: Environments, turns: int, parts: Sequence[Part], plan: BenchPlan, console: Console
) -> VariantsReport:
    arguments = [word for part in parts for word in ("--only", part)]
    for name, value in plan.model_dump().items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    found: dict[str, list[BenchReport]] = {name: [] for name in environments}
    for name in in_turns(list(environments), turns):
        console.print(f"{name}: turn {len(found[name]) + 1} of {turns}")
        found[name].append(run_turn(environments[name], arguments))
    reports = {name: tuple(of_one) for name, of_one in found.items()}
    return VariantsReport(environments=environments, turns=reports)


async def _measure(
    stack: BenchStack, parts: Collection[Part], plan: BenchPlan, console: Console,
    closing: AsyncExitStack,
) -> dict[str, Any]:  # fmt: skip
    """Fields of BenchReport."""
    found: dict[str, Any] = {}
    instruments = await Instruments.open_(stack, closing)
    if Part.ORDERS in parts:
        console.print(f"{plan.rounds} × {plan.orders} orders and their ceilings, in turn")
        orders = OrderBench(instruments, plan)
        found |= {"orders": await orders.measure(), "history": await orders.history()}
    elif not set(parts) <= {Part.POSTS, Part.OPENING}:
        await instruments.warm_up()
    if Part.LATENCY in parts:
        console.print(f"{plan.rate:g} buyers a second, for {plan.offered_seconds:g} s")
        found["latency"] = await LatencyBench(instruments, plan).measure()
    if Part.RECOVERY in parts:
        console.print("kill -9, while buyers click")
        found["recovery"] = await RecoveryBench(instruments, plan).measure()
    if Part.FROZEN in parts:
        console.print(f"Temporal stands still for {plan.frozen_seconds:g} s, while buyers come")
        found["frozen"] = await FrozenBench(instruments, plan).measure()
    if Part.BACKLOG in parts:
        console.print(f"{plan.backlog:,} orders at once: this takes minutes")
        found["backlog"] = await BacklogBench(instruments, plan).measure()
    if Part.STREAMS in parts:
        console.print(f"{plan.streams:,} streams are opened")
        found["streams"] = await StreamBench(instruments, plan).measure()
    if Part.POSTS in parts:
        # Else the orders of this part would be carried on while they are counted.
        await stack.stop_carriers()
        console.print(f"{plan.rounds} × {plan.seconds:g} s of each kind of POST, in turn")
        found["posts"] = await PostBench(stack, plan).measure()
    return found
