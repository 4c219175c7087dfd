"""The commands of the benches."""

import typer

from bench import options


def bench(
    rounds: options.Rounds = 3,
    seconds: options.Seconds = 3.0,
    connections: options.Connections = 64,
    orders: options.Orders = 300,
    rate: options.Rate = 20.0,
    offered_seconds: options.OfferedSeconds = 30.0,
    backlog: options.Backlog = 10_000,
    samples: options.Samples = 200,
    only: options.Only = None,
    variant: options.Variants = None,
    turns: options.Turns = 2,
    json_file: options.JsonFile = None,
) -> None:
    """Measure what this machine can do, on a stack of its own, beside its ceilings."""
    from bench.command import show_bench
    from bench.variants import NoVariant

    try:
        show_bench(
            only, variant, turns, json_file,
            rounds=rounds, seconds=seconds, connections=connections, orders=orders,
            rate=rate, offered_seconds=offered_seconds, backlog=backlog, samples=samples,
        )  # fmt: skip
    except NoVariant as error:
        raise typer.BadParameter(str(error)) from error
