from practice.chaos.faults import LINKED, SWITCHES, FaultKind, Misconduct, every_fault
from practice.provider.control import Switches
from practice.stack.parts import PROCESSES


def test_every_process_is_killed_and_frozen_and_every_way_cut_muted_and_slowed() -> None:
    targets = {
        kind: {target for one, target, _ in every_fault() if one is kind} for kind in FaultKind
    }

    assert targets[FaultKind.KILL] == targets[FaultKind.FREEZE] == set(PROCESSES)
    for kind in (FaultKind.CUT, FaultKind.MUTE, FaultKind.SLOW):
        assert targets[kind] == set(LINKED)
    assert all(targets.values())


def test_the_provider_knows_the_switches_of_each_misconduct() -> None:
    assert set(SWITCHES) == set(Misconduct)
    for switches in SWITCHES.values():
        assert Switches.model_validate(switches) != Switches()
