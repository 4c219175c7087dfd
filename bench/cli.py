"""The commands of the benches."""

from bench import options


def bench(
    rounds: options.Rounds = 3,
    seconds: options.Seconds = 3.0,
    connections: options.Connections = 64,
    orders: options.Orders = 300,
    json_file: options.JsonFile = None,
) -> None:
    """Measure what this machine can do, on a stack of its own: as ratios to doing nothing."""
    from bench.command import show_bench

    show_bench(json_file, rounds=rounds, seconds=seconds, connections=connections, orders=orders)


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
