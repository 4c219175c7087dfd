"""Temporal stands still while buyers come: what they wait for must not wait for it."""

from bench.figures import BenchPlan
from bench.instruments import Instruments
from bench.latency import LatencyBench
from bench.report import FrozenReport
from bench.rows import Stage

FROZEN = "temporal"


class FrozenBench:
    def __init__(self, instruments: Instruments, plan: BenchPlan) -> None:
        self._at = instruments
        self._plan = plan

    async def measure(self) -> FrozenReport:
        plan = self._plan.model_copy(update={"offered_seconds": self._plan.frozen_seconds})
        # Nobody is told of deliveries: those wait for it, and then run.
        latency = LatencyBench(self._at, plan, until=Stage.PAID)
        report = await latency.measure(meanwhile=self._at.stack.frozen(FROZEN))
        await self._at.workflows.until_none_runs()
        return FrozenReport(
            frozen=FROZEN, seconds=plan.frozen_seconds, per_second=plan.rate, waits=report.waits
        )
