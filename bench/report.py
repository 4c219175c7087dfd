"""Everything a bench found out."""

from pydantic import Field

from bench.figures import BenchPlan, Figure
from bench.machine import Machine
from bench.opening.report import OpeningReport
from bench.waits import Waits
from domain.model import Value


class LatencyReport(Value):
    """Buyers came at `per_second`. `cpu`: seconds of CPU per second, by process."""

    per_second: float
    waits: tuple[Waits, ...]
    cpu: dict[str, float]


class BacklogReport(Value):
    """Seconds run from the first of the clicks, those of `paid_orders` from the first of the
    notices. `waits` came at `rate` per second. Memory in MiB, by process: before, with all orders
    waiting and their workflows running, and when all were through."""

    orders: int
    accepted_seconds: float
    half_payable_seconds: float
    payable_seconds: float
    workflows_seconds: float
    rate: float
    waits: tuple[Waits, ...]
    paid_orders: int
    cashiers_per_second: float
    paid_seconds: float
    fulfilled_seconds: float
    memory_before: dict[str, float]
    memory_waiting: dict[str, float]
    memory_after: dict[str, float]

    def kib_per_order(self) -> dict[str, float]:
        """What one waiting order took of each process."""
        grown = {
            name: self.memory_waiting.get(name, 0.0) - before
            for name, before in self.memory_before.items()
        }
        return {name: 1024 * mib / self.orders for name, mib in grown.items()}


class RecoveryReport(Value):
    """Seconds run from the kill: until what was killed is ready again, until an order clicked after
    the kill is payable, until all that were clicked by then are."""

    killed: tuple[str, ...]
    clicks: int
    ready_seconds: float
    placing_seconds: float
    caught_up_seconds: float


class FrozenReport(Value):
    """`frozen` stood still from before the first buyer came, `per_second` for `seconds`, until the
    last of them had paid."""

    frozen: str
    seconds: float
    per_second: float
    waits: tuple[Waits, ...]


class StreamReport(Value):
    """`opened_seconds`: until all were open and had been told what their orders are like. The
    memory is the api's. `waits`: from a change to its arrival. `cpu`: seconds of CPU per second
    while changes came at the rate, by process."""

    streams: int
    opened_seconds: float
    kib_per_stream: float
    waits: tuple[Waits, ...]
    cpu: dict[str, float]


class BenchReport(Value):
    """Parts that were not asked for are empty. `history`: event types of one paid order and how
    many there were of each."""

    plan: BenchPlan
    machine: Machine
    posts: tuple[Figure, ...] = ()
    orders: tuple[Figure, ...] = ()
    history: dict[str, int] = Field(default_factory=dict)
    latency: LatencyReport | None = None
    backlog: BacklogReport | None = None
    recovery: RecoveryReport | None = None
    frozen: FrozenReport | None = None
    streams: StreamReport | None = None
    opening: OpeningReport | None = None

    @property
    def events_per_order(self) -> int:
        return sum(self.history.values())

    def headlines(self) -> dict[str, float]:
        """The figures two runs are compared by."""
        found: dict[str, float] = {}
        for one in (*self.posts, *self.orders):
            found[f"{one.name}, per second"] = one.per_second
            found[f"{one.name}, CPU ms"] = one.cpu_ms
        if self.history:
            found["history events"] = self.events_per_order
        for wait in (*_waits(self.latency), *_waits(self.backlog), *_waits(self.streams)):
            found[f"{wait.name}, p50 ms"] = wait.p50_ms
            found[f"{wait.name}, p99 ms"] = wait.p99_ms
        if self.backlog:
            found |= _seconds_of(self.backlog)
        if self.recovery:
            found["killed → placing again, s"] = self.recovery.placing_seconds
        if frozen := self.frozen:
            for wait in frozen.waits:
                found[f"{wait.name}, p99 ms, {frozen.frozen} frozen"] = wait.p99_ms
        if self.streams:
            found["KiB of api per stream"] = self.streams.kib_per_stream
        if self.opening:
            found |= self.opening.headlines()
        return found


def _waits(part: LatencyReport | BacklogReport | StreamReport | None) -> tuple[Waits, ...]:
    return part.waits if part else ()


def _seconds_of(backlog: BacklogReport) -> dict[str, float]:
    return {
        f"{backlog.orders} accepted → all payable, s": backlog.payable_seconds,
        f"{backlog.orders} accepted → all workflows run, s": backlog.workflows_seconds,
        f"{backlog.paid_orders} paid → fulfilled, s": backlog.fulfilled_seconds,
        **{f"KiB of {name} per order": kib for name, kib in backlog.kib_per_order().items()},
    }
