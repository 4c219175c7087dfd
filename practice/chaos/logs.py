"""What the processes of a stack complained of while they were struck."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

# The name of a line is one word; what libraries say is prose, each time another.
_NAME = re.compile(r"[a-z0-9_]+")
_PROSE = "others' words"
_COMPLAINTS = frozenset({"warning", "error", "critical"})


def warnings_in(logs: Iterable[Path]) -> Counter[str]:
    """Counted by the name of their line; what is no line of ours is passed over."""
    return Counter(
        event if _NAME.fullmatch(event) else _PROSE
        for event, level in _events(logs)
        if level in _COMPLAINTS
    )


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
