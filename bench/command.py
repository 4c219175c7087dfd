"""`seckill bench`: what this machine can do, as ratios that another machine can be held to."""

import signal
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
from rich.console import Console

from bench.figures import BenchPlan, BenchReport
from bench.orders import OrderBench
from bench.posts import PostBench
from bench.show import print_report
from bench.stack import open_bench_stack

PIPE_WIDTH = 120


def show_bench(json_file: Path | None = None, **terms: float) -> None:
    """Run everything on these terms (fields of BenchPlan), and print it."""
    plan = BenchPlan.model_validate(terms)
    # Else only Ctrl-C would take the servers along.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPE_WIDTH)
    report = uvloop.run(bench(plan, console))
    print_report(console, report)
    if json_file:
        json_file.write_text(report.model_dump_json(indent=2) + "\n")


async def bench(plan: BenchPlan, console: Console) -> BenchReport:
    console.print("A stack of its own starts, with empty stores")
    async with AsyncExitStack() as closing:
        stack = await closing.enter_async_context(open_bench_stack())
        orders_bench = await OrderBench.open_(stack, plan, closing)
        console.print(f"{plan.rounds} × {plan.orders} no-op workflows and orders, in turn")
        orders = await orders_bench.measure()
        history = await orders_bench.history()
        # Else the orders of the next part would be carried on while they are counted.
        await stack.stop_worker()
        console.print(f"{plan.rounds} × {plan.seconds:g} s of each kind of POST, in turn")
        posts = await PostBench(stack, plan).measure()
        return BenchReport(plan=plan, posts=posts, orders=orders, history=history)
