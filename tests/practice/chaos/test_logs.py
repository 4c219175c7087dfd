import json
from pathlib import Path

from practice.chaos.logs import warnings_in


def line(event: str, level: str) -> str:
    return json.dumps({"event": event, "level": level})


def test_warnings_are_counted_by_name_and_prose_as_one(tmp_path: Path) -> None:
    said = (
        *(line("order_started", "info"), line("breath_missed", "warning")),
        *(line("Task 1 fell", "error"), line("Task 2 fell", "error")),
        *('{"event": "cut off in the mid', "Traceback (most recent call last):", "[]", "3"),
    )
    (tmp_path / "worker.log").write_text("\n".join(said))
    (tmp_path / "api.log").write_text(line("breath_missed", "warning"))

    assert warnings_in(tmp_path.iterdir()) == {"breath_missed": 2, "others' words": 2}
