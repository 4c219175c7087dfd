"""What the processes of a stack wrote down while they were struck."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

# Lines that say that something was put right which the ordinary way had not done.
REPAIRS = frozenset(
    {"workflow_started_again", "item_rebuilt", "room_recovered", "intents_listed_again"}
)
# The name of a line is one word; what libraries say is prose, each time another.
_NAME = re.compile(r"[a-z0-9_]+")
_PROSE = "others' words"
_COMPLAINTS = frozenset({"warning", "error", "critical"})


def repairs_and_warnings(logs: Iterable[Path]) -> tuple[Counter[str], Counter[str]]:
    """Each counted by the name of its line; what is no line of ours is passed over."""
    repairs: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    for event, level in _events(logs):
        if event in REPAIRS:
            repairs[event] += 1
        elif level in _COMPLAINTS:
            warnings[event if _NAME.fullmatch(event) else _PROSE] += 1
    return repairs, warnings


def _events(logs: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for log in logs:
        # Killed in the middle of a line, a process leaves a part of it.
        for line in log.read_text(errors="replace").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and "event" in said:
                yield str(said["event"]), str(said.get("level", ""))
