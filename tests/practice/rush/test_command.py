"""A rush as it is typed at a terminal."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app as command_line
from practice.provider.control import Switches
from practice.rush.command import NO_RUSH, show_rush
from practice.rush.plan import StackAddress
from tests.support.http_server import serving
from tests.support.shop_double import ShopDouble

UNITS = 10
TERMS = f"--buyers 40 --units {UNITS} --pay 1 --cancel 0 --seconds 1 --settle 15"


async def rush(shop: ShopDouble, home: Path, *options: str) -> int:
    """The exit code."""
    async with serving(shop.app()) as url:
        stack = StackAddress(api_url=url, sandbox_url=url)
        (home / "stack.json").write_text(stack.model_dump_json())
        typed, environment = ["rush", *TERMS.split(), *options], {"SECKILL_HOME": str(home)}
        ran = await asyncio.to_thread(CliRunner().invoke, command_line, typed, env=environment)
    return ran.exit_code


async def test_chaos_payments_lets_the_provider_misbehave_until_the_orders_have_come_to_rest(
    tmp_path: Path, short_lead: None
) -> None:
    shop = ShopDouble()

    assert await rush(shop, tmp_path, "--chaos-payments") == 0

    disturbed, calmed = map(Switches.model_validate, shop.switched)
    assert _misbehaviour(disturbed) == {
        "duplicate", "drop", "delay_seconds", "reorder", "tamper_amount", "tamper_app",
        "bad_signature", "fail_calls",
    }  # fmt: skip
    assert _misbehaviour(calmed) == set()
    assert shop.paid_after_switches == [1] * UNITS


def _misbehaviour(switches: Switches) -> set[str]:
    return set(switches.model_dump(exclude_defaults=True))


def test_without_a_stack_there_is_no_rush(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_rush(tmp_path / "stack.json") == NO_RUSH
    assert "seckill up --detach" in capsys.readouterr().err
