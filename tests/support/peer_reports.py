"""A comparison with one peer, as if it had been measured."""

from datetime import UTC, datetime

from bench.figures import BENCH, Round
from bench.peers.contender import PRODUCT
from bench.peers.leaves_out import LEAVES_OUT
from bench.peers.report import PeersPlan, PeersReport, Survival, Turn, standings


def _turn(per_second: float, cpu: float) -> Turn:
    one = Round(per_second=per_second, cpu={"worker": cpu, BENCH: 0.1})
    return Turn(placing=one, paying=one, others=0.4)


def peers_report(plan: PeersPlan) -> PeersReport:
    turns = {PRODUCT: [_turn(50, 0.5)], "plain": [_turn(5000, 0.25)]}
    survival = Survival(
        name="plain",
        orders=3000,
        placed_at_kill=1100,
        paid_at_kill=1200,
        placing_back_seconds=0.25,
        paying_back_seconds=None,
        unacknowledged=1800,
        lost=1,
        doubled=2,
        left_behind=3,
    )
    return PeersReport(
        plan=plan,
        began=datetime(2026, 11, 27, 15, 0, tzinfo=UTC),
        ended=datetime(2026, 11, 27, 15, 9, tzinfo=UTC),
        load=(1.5, 3.25),
        processors=2,
        standings=standings(turns, {PRODUCT: 240, "plain": 6000}),
        survivals=(survival,),
        missing=("Restate: there is no npm",),
        leaves_out=LEAVES_OUT,
    )
