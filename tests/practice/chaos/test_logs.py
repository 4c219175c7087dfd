import json
from pathlib import Path

from practice.chaos.logs import repairs_and_warnings


def line(event: str, level: str) -> str:
    return json.dumps({"event": event, "level": level})


def test_repairs_and_warnings_are_counted_by_name_and_prose_as_one(tmp_path: Path) -> None:
    said = (
        *(
            line("item_rebuilt", "info"),
            line("item_rebuilt", "info"),
            line("order_started", "info"),
        ),
        *(
            line("breath_missed", "warning"),
            line("Task 1 failed", "error"),
            line("Task 2", "error"),
        ),
        *('{"event": "cut off in the mid', "Traceback (most recent call last):", "[]", "3"),
    )
    (tmp_path / "worker.log").write_text("\n".join(said))
    (tmp_path / "api.log").write_text(line("breath_missed", "warning"))

    repairs, warnings = repairs_and_warnings(tmp_path.iterdir())

    assert repairs == {"item_rebuilt": 2}
    assert warnings == {"breath_missed": 2, "others' words": 2}
