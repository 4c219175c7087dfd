"""Which faults strike, in which order and for how long: drawn from a seed, and nothing else."""

import math
from collections.abc import Iterator, Mapping
from random import Random
from typing import Annotated

from pydantic import Field

from domain.model import Value
from practice.chaos.faults import Fault, FaultKind, every_fault
from practice.rush.plan import RushPlan

# How many strike at one moment.
AT_ONCE = (1, 2, 3, 3, 4)
SHORTEST_FREEZE, LONGEST_FREEZE = 0.5, 120.0
# A freeze takes at most this part of a run, or little else would happen in it.
FREEZE_SHARE = 0.1
SECONDS: Mapping[FaultKind, tuple[float, float]] = {
    FaultKind.KILL: (0.0, 2.0),
    FaultKind.CUT: (0.0, 4.0),
    FaultKind.MUTE: (1.0, 8.0),
    FaultKind.SLOW: (1.0, 5.0),
    FaultKind.FULL: (1.0, 5.0),
    FaultKind.LOCK: (1.0, 5.0),
    FaultKind.PROVIDER: (2.0, 6.0),
}
# For each second of clicks; few enough that a busy machine spends its time on recovering.
BUYERS_A_SECOND = 2
UNITS_A_BUYER = 0.5
PAY_WINDOW_SECONDS = 20
# They come back at once when they are cut, which is a load of its own.
FOLLOWERS_SHARE = 0.05


class ChaosPlan(Value):
    """`seconds`: how long faults strike. `rest_seconds`: how long the system may take to come to
    rest after each round of them."""

    seconds: Annotated[float, Field(gt=0)] = 300.0
    seed: int = 1
    buyers: Annotated[int, Field(ge=0)] = 0
    rest_seconds: Annotated[float, Field(gt=0)] = 120.0

    @property
    def crowd(self) -> RushPlan:
        """Who comes meanwhile: a sale that lasts as long, sold out before its end."""
        buyers = self.buyers or max(20, round(BUYERS_A_SECOND * self.seconds))
        return RushPlan(
            buyers=buyers,
            units=max(1, round(UNITS_A_BUYER * buyers)),
            seconds=self.seconds,
            arriving=0.95 * self.seconds,
            pay_window=PAY_WINDOW_SECONDS,
            lost_notices=0.1,
            streams=FOLLOWERS_SHARE,
            settle_seconds=self.rest_seconds + PAY_WINDOW_SECONDS,
            seed=self.seed,
            tolerant=True,
        )

    def rounds(self) -> Iterator[tuple[Fault, ...]]:
        """Without an end: what strikes together, round after round. Every fault there is comes once
        before any comes again."""
        random = Random(f"{self.seed}:faults")  # noqa: S311
        deck: list[Fault] = []
        while True:
            deck = deck or self._shuffled(random)
            yield _take(deck, random.choice(AT_ONCE))

    def _shuffled(self, random: Random) -> list[Fault]:
        deck = [
            Fault(kind=kind, target=target, conduct=conduct, seconds=self._lasts(kind, random))
            for kind, target, conduct in every_fault()
        ]
        random.shuffle(deck)
        return deck

    def _lasts(self, kind: FaultKind, random: Random) -> float:
        if kind is not FaultKind.FREEZE:
            return round(random.uniform(*SECONDS[kind]), 1)
        longest = max(SHORTEST_FREEZE, min(LONGEST_FREEZE, FREEZE_SHARE * self.seconds))
        # Most are short, and a few as long as can be.
        share = random.random() ** 2
        return round(SHORTEST_FREEZE * math.pow(longest / SHORTEST_FREEZE, share), 1)


def _take(deck: list[Fault], most: int) -> tuple[Fault, ...]:
    """The first of each part: of two that strike the same one, one would hide the other."""
    first = {fault.target: fault for fault in reversed(deck)}
    taken = sorted(first.values(), key=deck.index)[:most]
    for fault in taken:
        deck.remove(fault)
    return tuple(taken)
