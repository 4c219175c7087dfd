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
    frozen_seconds: options.FrozenSeconds = 60.0,
    backlog: options.Backlog = 10_000,
    samples: options.Samples = 200,
    streams: options.Streams = 5_000,
    people: options.PeopleCome = 20_000,
    bot_clicks: options.BotClicks = 50,
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
            rate=rate, offered_seconds=offered_seconds, frozen_seconds=frozen_seconds,
            backlog=backlog, samples=samples, streams=streams, people=people, bot_clicks=bot_clicks,
        )  # fmt: skip
    except NoVariant as error:
        raise typer.BadParameter(str(error)) from error


def bench_peers(
    rounds: options.Rounds = 3,
    orders: options.PeerOrders = 240,
    peer: options.Peers = None,
    json_file: options.JsonFile = None,
) -> None:
    """Run the same orders on DBOS, on Restate and on a consumer written by hand, and kill each.

    What they need is installed under SECKILL_HOME the first time, from PyPI and npm.
    """
    from bench.peers.command import show_peers

    show_peers(json_file, peer, rounds=rounds, orders=orders)
