"""The faults there are: each strikes one part of the stack for a while."""

from collections.abc import Mapping
from enum import StrEnum

from domain.model import Value
from practice.stack.parts import PROCESSES

# What our processes call through a link; `api` is the way the provider's notices come.
LINKED = ("postgres", "redis", "temporal", "sandbox", "api")
POOLED = ("postgres", "redis")
CLOCK_SECONDS = 600.0


class FaultKind(StrEnum):
    KILL = "kill"
    FREEZE = "freeze"
    CUT = "cut"
    MUTE = "mute"
    SLOW = "slow"
    FULL = "full"
    LOCK = "lock"
    PROVIDER = "provider"


class Misconduct(StrEnum):
    """Of the practice provider."""

    HANGS = "hangs"
    FAILS = "fails"
    LIES = "lies"
    REPEATS = "repeats"
    AHEAD = "ahead"
    BEHIND = "behind"


# None of them makes an order end otherwise than its buyer's conduct demands.
SWITCHES: Mapping[Misconduct, Mapping[str, object]] = {
    Misconduct.HANGS: {"hang_calls": 1.0},
    Misconduct.FAILS: {"fail_calls": 1.0},
    Misconduct.LIES: {"tamper_amount": 0.3, "tamper_app": 0.3, "bad_signature": 0.3},
    Misconduct.REPEATS: {"duplicate": 0.7, "reorder": 0.5, "delay_seconds": [0, 2]},
    Misconduct.AHEAD: {"clock_seconds": CLOCK_SECONDS},
    Misconduct.BEHIND: {"clock_seconds": -CLOCK_SECONDS},
}


class Fault(Value):
    """`seconds`: how long it lasts; a process that was killed is started again after them.
    `conduct`: of the provider, where it is the provider's own fault."""

    kind: FaultKind
    target: str
    seconds: float
    conduct: Misconduct | None = None

    def __str__(self) -> str:
        what = f"{self.target} {self.conduct}" if self.conduct else f"{self.kind} {self.target}"
        return f"{what} {self.seconds:.1f} s"


def every_fault() -> list[tuple[FaultKind, str, Misconduct | None]]:
    """Each kind with each target it can strike."""
    kinds = {
        FaultKind.KILL: PROCESSES,
        FaultKind.FREEZE: PROCESSES,
        FaultKind.CUT: LINKED,
        FaultKind.MUTE: LINKED,
        FaultKind.SLOW: LINKED,
        FaultKind.FULL: POOLED,
        FaultKind.LOCK: ("postgres",),
    }
    plain = [(kind, target, None) for kind, targets in kinds.items() for target in targets]
    return [*plain, *((FaultKind.PROVIDER, "sandbox", conduct) for conduct in Misconduct)]
