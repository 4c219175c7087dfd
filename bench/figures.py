"""What a bench finds out."""

from collections.abc import Sequence
from statistics import median

from domain.model import Value

# Among the processes, the one that measures.
BENCH = "bench"


class BenchPlan(Value):
    rounds: int = 3
    seconds: float = 3.0
    connections: int = 64
    orders: int = 300


class Round(Value):
    """One measured round. `cpu`: seconds of CPU per second, by process. `p50_ms` and `p99_ms` of
    single answers, where they were measured."""

    per_second: float
    cpu: dict[str, float]
    p50_ms: float | None = None
    p99_ms: float | None = None


class Figure(Value):
    """One thing measured in several rounds. `ratio` is to the yardstick measured in turn with
    it: the median of the rounds' own ratios, so that a slow minute hits both sides."""

    name: str
    rounds: tuple[Round, ...]
    ratio: float

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


class BenchReport(Value):
    """`history`: event types of one paid order and how many there were of each."""

    plan: BenchPlan
    posts: tuple[Figure, ...]
    orders: tuple[Figure, ...]
    history: dict[str, int]

    @property
    def events_per_order(self) -> int:
        return sum(self.history.values())


def figure(name: str, rounds: Sequence[Round], yardstick: Sequence[Round]) -> Figure:
    ratios = (
        one.per_second / other.per_second for one, other in zip(rounds, yardstick, strict=True)
    )
    return Figure(name=name, rounds=tuple(rounds), ratio=median(ratios))


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
