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


async def run_schemathesis(
    url: str,
    folder: Path,
    *,
    phases: str,
    seconds: int,
    headers: Mapping[str, str],
    known: Mapping[str, Sequence[str | int]],
) -> tuple[int, str]:
    """Its exit code and what it printed. `known`: by parameter of a path, ids that exist."""
    config = folder / "schemathesis.toml"
    config.write_text(_config(known))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("--config-file", str(config), "run", f"{url}/openapi.json"),
        *(word for name, value in headers.items() for word in ("-H", f"{name}:{value}")),
        *("--checks", ",".join(CHECKS), "--phases", phases),
        *("--max-time", str(seconds), "--generation-database", "none", "--no-shrink"),
        *("--continue-on-failure", "--request-timeout", "60", "--warnings", "off", "--no-color"),
        *("--seed", "1121"),
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
