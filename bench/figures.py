"""What a bench finds out."""

from collections.abc import Sequence
from statistics import median

from domain.model import Value

# Among the processes, the one that measures.
BENCH = "bench"


class BenchPlan(Value):
    """The command's options. `rate`: buyers a second who come at their own pace, for
    `offered_seconds`, and for `frozen_seconds` while Temporal stands still; `backlog` orders are
    accepted at once, twice `samples` of them paid at that rate while the others wait. `streams`
    are open at once. `people` come to one draw and one queue, and each account of a bot clicks
    `bot_clicks` times."""

    rounds: int = 3
    seconds: float = 3.0
    connections: int = 64
    orders: int = 300
    rate: float = 20.0
    offered_seconds: float = 30.0
    frozen_seconds: float = 60.0
    backlog: int = 10_000
    samples: int = 200
    streams: int = 5_000
    people: int = 20_000
    bot_clicks: int = 50


class Round(Value):
    """One measured round. `cpu`: seconds of CPU per second, by process. `p50_ms` and `p99_ms` of
    single answers, where they were measured."""

    per_second: float
    cpu: dict[str, float]
    p50_ms: float | None = None
    p99_ms: float | None = None


class Figure(Value):
    """One thing measured in several rounds. `ratio` is to the ceiling `against`, measured in turn
    with it: the median of the rounds' own ratios, so that a slow minute hits both sides."""

    name: str
    rounds: tuple[Round, ...]
    ratio: float
    against: str = ""

    @property
    def per_second(self) -> float:
        return median(one.per_second for one in self.rounds)

    @property
    def p50_ms(self) -> float | None:
        return _median([one.p50_ms for one in self.rounds if one.p50_ms is not None])

    @property
    def p99_ms(self) -> float | None:
        return _median([one.p99_ms for one in self.rounds if one.p99_ms is not None])

    @property
    def cpu(self) -> dict[str, float]:
        names = dict.fromkeys(name for one in self.rounds for name in one.cpu)
        return {name: median(one.cpu.get(name, 0.0) for one in self.rounds) for name in names}

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU that one answer, or one order, cost all servers together: this
        hardly changes when others use the machine at the same time."""
        servers = (
            sum(share for name, share in one.cpu.items() if name != BENCH) for one in self.rounds
        )
        rates = (one.per_second for one in self.rounds)
        return 1000 * median(cpu / rate for cpu, rate in zip(servers, rates, strict=True))


def figure(
    name: str, rounds: Sequence[Round], ceiling: Sequence[Round], *, against: str = ""
) -> Figure:
    ratios = (one.per_second / other.per_second for one, other in zip(rounds, ceiling, strict=True))
    return Figure(name=name, rounds=tuple(rounds), ratio=median(ratios), against=against)


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
