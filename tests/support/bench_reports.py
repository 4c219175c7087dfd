"""What a bench might have found."""

from datetime import UTC, datetime

from bench.figures import BENCH, BenchPlan, Figure, Round, figure
from bench.machine import Machine
from bench.opening.report import DrawTimes, OpeningReport, RoomReport
from bench.report import (
    BacklogReport,
    BenchReport,
    FrozenReport,
    LatencyReport,
    RecoveryReport,
    StreamReport,
)
from bench.waits import waits
from domain.sale import Admission

MACHINE = Machine(
    began_at=datetime(2026, 11, 27, tzinfo=UTC),
    processors=2,
    python="3.11",
    busy_before=0.25,
    busy_after=0.5,
)
POSTS = [Round(per_second=1234, cpu={"api": 0.5}, p50_ms=1.25, p99_ms=9.75)]


def order_figure(per_second: float = 12.3) -> Figure:
    rounds = [Round(per_second=per_second, cpu={"worker": 0.25, BENCH: 0.1})]
    ceiling = [Round(per_second=per_second / 2, cpu={"worker": 0.1, BENCH: 0.1})]
    return figure("order paid", rounds, ceiling, against="a ceiling")


def a_room(admission: Admission, *, sold_to_bots: int = 3) -> RoomReport:
    """Of ten people, three of them bots' accounts."""
    is_drawn = admission is Admission.DRAW
    return RoomReport(
        admission=admission, people=10, bots=3, units=10, clicks=157, tickets=10,
        joins_per_second=1_570, redis_us=55, lone_ms=(0.4, 1.2), ticket_bytes=280, line_bytes=180,
        times=DrawTimes(pool=0.1, draw=0.35, fix=0.02, verify=1.5) if is_drawn else None,
        sold=10, sold_to_bots=sold_to_bots, asked_at_the_end=5, told_over=5, places_hold=True,
        places="the draw holds",
    )  # fmt: skip


def a_report(*, per_second: float = 12.3) -> BenchReport:
    """With all its parts."""
    paid = waits("notice → paid", [0.1, 0.2, 0.3])
    return BenchReport(
        plan=BenchPlan(),
        machine=MACHINE,
        posts=(figure("order accepted", POSTS, POSTS, against="order accepted"),),
        orders=(order_figure(per_second),),
        history={"TIMER_STARTED": 2, "MARKER_RECORDED": 1},
        latency=LatencyReport(per_second=20, waits=(paid,), cpu={"api": 0.3}),
        backlog=BacklogReport(
            orders=1024, accepted_seconds=1, half_payable_seconds=2, payable_seconds=3,
            workflows_seconds=50, rate=20, waits=(paid,), paid_orders=1000,
            cashiers_per_second=123, paid_seconds=40, fulfilled_seconds=60,
            memory_before={"worker": 100}, memory_waiting={"worker": 150},
            memory_after={"worker": 140},
        ),
        streams=StreamReport(
            streams=5000, opened_seconds=12.5, kib_per_stream=20.25, waits=(paid,),
            cpu={"api": 0.1},
        ),
        recovery=RecoveryReport(
            killed=("worker",), clicks=9, ready_seconds=1.5, placing_seconds=2.5,
            caught_up_seconds=3.5,
        ),
        frozen=FrozenReport(frozen="temporal", seconds=60, per_second=20, waits=(paid,)),
        opening=OpeningReport(rooms=(a_room(Admission.DRAW), a_room(Admission.QUEUE))),
    )  # fmt: skip
