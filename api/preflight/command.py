"""`seckill preflight`: for a person at a terminal, or a script that wants an exit code."""

import asyncio
import json
import sys

import structlog

from api.preflight.check import Checked
from api.preflight.opening import open_preflight
from domain.errors import Refusal
from infra.settings import Settings
from infra.stores import open_providers, open_stores
from infra.temporal.client import connect_temporal

READY, NOT_READY, UNKNOWN_SALE = 0, 1, 2


def show_preflight(settings: Settings, sale_id: str, *, dry_run: bool, as_json: bool) -> int:
    """Returns the exit code: 0 only if every line is right."""
    # Standard output is the report's alone: a script may read it as JSON.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        checks = asyncio.run(_look(settings, sale_id, dry_run))
    except Refusal as refusal:
        print(refusal.detail, file=sys.stderr)
        return UNKNOWN_SALE
    ok = all(check.ok for check in checks)
    if as_json:
        print(json.dumps({"ok": ok, "checks": [check._asdict() for check in checks]}))
    else:
        for check in checks:
            print(_line(check))
    return READY if ok else NOT_READY


async def _look(settings: Settings, sale_id: str, dry_run: bool) -> list[Checked]:
    async with open_stores(settings) as stores:
        client = await connect_temporal(lazy=True)
        async with open_providers(settings, stores.database) as gateways:
            preflight = open_preflight(settings, stores, client, gateways)
            return await preflight.of(sale_id, dry_run=dry_run)


def _line(check: Checked) -> str:
    advice = f"\n     -> {check.advice}" if check.advice else ""
    return f"{'ok  ' if check.ok else 'FAIL'} {check.code}: {check.detail}{advice}"
