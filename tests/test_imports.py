"""The arrows of the architecture: what may import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"
OUR_ROOMS = frozenset(
    {
        "domain",
        "infra",
        "notices",
        "audit",
        "dispatching",
        "activities",
        "workflows",
        "api",
        "practice",
        "bench",
        "verifying",
    }
    | {"workflow_client", "schedules", "worker", "cli"}
)


@pytest.mark.servers
def test_every_contract_of_the_import_linter_is_kept() -> None:
    outcome = subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, timeout=50
    )

    assert outcome.returncode == 0, outcome.stdout


# The linter reads packages only; these are single files above them.
@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("workflow_client", {"domain", "infra", "workflows"}),
        ("schedules", {"domain", "infra", "workflows"}),
        ("worker", OUR_ROOMS - {"api", "cli", "practice", "bench", "verifying"}),
    ],
)
def test_a_process_is_made_of_the_rooms_below_it(module: str, allowed: set[str]) -> None:
    imported = {name.partition(".")[0] for name in _imported_by(PROJECT / f"{module}.py")}

    assert imported & OUR_ROOMS
    assert imported & OUR_ROOMS <= allowed


# A workflow that is started or signalled by its name is an arrow upwards that no linter sees.
@pytest.mark.parametrize("room", ["domain", "notices", "audit", "dispatching", "activities"])
def test_below_the_workflows_nobody_holds_a_client_of_temporal(room: str) -> None:
    holders = [
        path
        for path in (PROJECT / room).rglob("*.py")
        if _imported_by(path) & {"temporalio.client", "infra.temporal.client"}
    ]

    assert holders == []


def _imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return names
