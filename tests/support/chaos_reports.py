"""Reports of chaos runs, sound unless said otherwise."""

from typing import Any

from domain.audit import Check
from practice.chaos.faults import Fault, FaultKind
from practice.chaos.plan import ChaosPlan
from practice.chaos.report import ChaosReport, StruckRound
from practice.rush.notes import Notes
from practice.rush.plan import RushPlan
from practice.rush.report import report_of

SOUND = (Check(code="A1", ok=True, detail="all in order"),)
VICTIMS = ("api", "worker", "redis")


def struck_round(recovery: float = 1.0, faults: int = 1, **changed: Any) -> StruckRound:
    struck = tuple(
        Fault(kind=FaultKind.KILL, target=victim, seconds=1.0) for victim in VICTIMS[:faults]
    )
    said = {"at": 0.0, "faults": struck, "recovery": recovery, **changed}
    return StruckRound.model_validate(said)


def chaos_report(**changed: Any) -> ChaosReport:
    rush = report_of(RushPlan(), Notes(), sale_id="S", seconds=1.0, crowd=SOUND, audit=SOUND)
    sound = {"plan": ChaosPlan(), "seconds": 1.0, "rounds": (struck_round(),), "audit": SOUND}
    return ChaosReport.model_validate({**sound, "rush": rush, **changed})
