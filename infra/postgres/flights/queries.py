"""The queries of this package, by their names in `sql/flights`."""

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "sql" / "flights"


def query(name: str) -> str:
    """Raises FileNotFoundError."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
