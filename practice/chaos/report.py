"""The end of a chaos run: which faults struck, how soon the system was at rest again after each,
what the crowd saw, what the audit says and whether anybody is needed."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from domain.audit import Check
from domain.model import Value
from practice.chaos.faults import Fault
from practice.chaos.plan import ChaosPlan
from practice.rush.notes import Quantiles
from practice.rush.report import RushReport


class StruckRound(Value):
    """Faults that struck together, `at` so many seconds after the first of the run. `recovery`:
    seconds from the end of the last of them until all was at rest; `last`: what came to rest last;
    `unrest`: what had not when the time for it was up. `not_struck`: why a fault could not be
    done."""

    at: float
    faults: tuple[Fault, ...]
    recovery: float
    last: tuple[str, ...] = ()
    unrest: tuple[str, ...] = ()
    not_struck: tuple[str, ...] = ()

    @property
    def rested(self) -> bool:
        return not self.unrest


class Needed(Value):
    """An attention that nobody has resolved."""

    kind: str
    subject: str
    what: str
    raised_at: datetime


class ChaosReport(Value):
    """`rush` is None where the crowd could not finish (`broken` says why). `attentions`: how many
    were ever raised, by kind; `repairs`: what the system put right by itself, by kind; `warnings`:
    what it complained of, by the name of the line in its log; `load`: of this machine in the last
    minute, at the start and at the end."""

    plan: ChaosPlan
    seconds: float
    rounds: tuple[StruckRound, ...]
    audit: tuple[Check, ...]
    needed: tuple[Needed, ...] = ()
    attentions: Mapping[str, int] = Field(default_factory=dict)
    repairs: Mapping[str, int] = Field(default_factory=dict)
    warnings: Mapping[str, int] = Field(default_factory=dict)
    load: tuple[float, float] = (0.0, 0.0)
    rush: RushReport | None = None
    broken: str = ""

    @property
    def faults(self) -> int:
        return sum(len(one.faults) - len(one.not_struck) for one in self.rounds)

    @property
    def kinds(self) -> Mapping[str, int]:
        return Counter(fault.kind.value for one in self.rounds for fault in one.faults)

    @property
    def recovery(self) -> Quantiles | None:
        """In milliseconds. A round that never rested counts with all the time it was given."""
        return Quantiles.of(one.recovery for one in self.rounds)

    @property
    def restless(self) -> tuple[StruckRound, ...]:
        return tuple(one for one in self.rounds if not one.rested)

    @property
    def ok(self) -> bool:
        """No audit and no crowd are no proof."""
        proved = bool(self.audit) and all(check.ok for check in self.audit)
        seen = self.rush is not None and self.rush.ok
        return proved and seen and not self.needed and not self.restless
