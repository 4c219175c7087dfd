"""Schemathesis, which nobody here wrote, let loose on an API by its own document."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# What is held: no failure of ours, and nothing that the document does not promise.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# Every other id is one that exists: of invented ones each call says only that it knows none.
KNOWN_SHARE = 0.7
# The same calls in each run: what fails once, fails again.
FEW = ("--phases", "fuzzing", "--max-examples", "2", "--seed", "1121", "--generation-deterministic")


def for_seconds(seconds: int) -> tuple[str, ...]:
    """Other calls in each run, as many as the time allows; every bound of every member as well
    where there is time for that."""
    phases = "fuzzing,stateful" if seconds < 40 else "coverage,fuzzing,stateful"
    return ("--phases", phases, "--max-time", str(seconds), "--generation-database", "none")


async def run_schemathesis(
    url: str,
    folder: Path,
    *,
    much: Sequence[str],
    headers: Mapping[str, str],
    known: Mapping[str, Sequence[str | int]],
) -> tuple[int, str]:
    """Its exit code and what it printed. `much`: what of it all is sent, FEW or `for_seconds`;
    `known`: by parameter of a path, ids that exist."""
    config = folder / "schemathesis.toml"
    config.write_text(_config(known))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("--config-file", str(config), "run", f"{url}/openapi.json"),
        *(word for name, value in headers.items() for word in ("-H", f"{name}:{value}")),
        *("--checks", ",".join(CHECKS), *much),
        *("--no-shrink", "--continue-on-failure", "--request-timeout", "60"),
        *("--warnings", "off", "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode(errors="replace")


def _config(known: Mapping[str, Sequence[str | int]]) -> str:
    """TOML, whose strings and lists are written as JSON's."""
    lists = [
        f"[dictionaries.{name}]\nvalues = {json.dumps(list(values))}"
        for name, values in known.items()
    ]
    bound = [
        f'"path.{name}" = {{ dictionary = "{name}", probability = {KNOWN_SHARE} }}'
        for name in known
    ]
    return "\n".join((*lists, "[parameters]", *bound, ""))
