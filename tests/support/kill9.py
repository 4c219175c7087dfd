"""Kill -9 a process in the middle of a rush, start it again, and have it proved that nothing was
lost: `python -m tests.support.kill9 [--victim worker] [--together] [--buyers 400 --units 150]`.

Without `--together` each victim dies in a rush of its own.
"""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from domain.model import Value
from practice.rush.report import RushReport
from practice.stack.parts import PROCESSES
from tests.support.command_line import CommandLine, Outcome
from tests.support.sale_progress import Progress, SaleWatch

DEAD_SECONDS = 1.5
RUSH_SECONDS_AT_MOST = 300


class RushSize(Value):
    """How large a rush is. Times in seconds."""

    buyers: int = 400
    units: int = 150
    seconds: float = 5.0
    pay_window: int = 20
    settle: int = 120
    seed: int = 1


class Survival(Value):
    """What became of a rush in which the victims were killed when the sale had come to
    `progress`. `away_seconds`: from then until the whole stack was ready again."""

    victims: tuple[str, ...]
    progress: Progress
    away_seconds: float
    rush: Outcome
    audit: Outcome
    report: RushReport | None

    @property
    def ok(self) -> bool:
        return self.rush.code == 0 and self.audit.code == 0

    def __str__(self) -> str:
        ended = self.report.orders.items() if self.report else ()
        orders = ", ".join(f"{count} {status}" for status, count in ended)
        return (
            f"{' and '.join(self.victims)} killed when {self.progress}; away for"
            f" {self.away_seconds:.1f} s; {'nothing lost' if self.ok else 'BROKEN'}: {orders}"
        )

    @property
    def evidence(self) -> str:
        said = (self.rush.out, self.rush.err, self.audit.out, self.audit.err)
        return "\n".join((str(self), *said))


async def kill_in_the_middle(
    seckill: CommandLine, victims: Sequence[str], size: RushSize
) -> Survival:
    """One rush on the running stack, during which the victims die at one moment and come back."""
    report = seckill.home / "rush.json"
    report.unlink(missing_ok=True)
    rushing = asyncio.create_task(rush(seckill, size, report))
    try:
        progress, away = await _kill_and_bring_back(seckill, victims, size)
        ended = await asyncio.wait_for(rushing, RUSH_SECONDS_AT_MOST)
    finally:
        rushing.cancel()
        with suppress(asyncio.CancelledError):
            await rushing
    return Survival(
        victims=tuple(victims),
        progress=progress,
        away_seconds=away,
        rush=ended,
        audit=await seckill.run("audit"),
        report=RushReport.model_validate_json(report.read_bytes()) if report.exists() else None,
    )


async def rush(seckill: CommandLine, size: RushSize, report: Path) -> Outcome:
    """One rush on the running stack, which writes its report."""
    return await seckill.run(
        *("rush", "--tolerant", "--lost-notices", "0.1", "--json", str(report)),
        *("--buyers", str(size.buyers), "--units", str(size.units)),
        *("--seconds", str(size.seconds), "--pay-window", str(size.pay_window)),
        *("--settle", str(size.settle), "--seed", str(size.seed)),
    )


async def _kill_and_bring_back(
    seckill: CommandLine, victims: Sequence[str], size: RushSize
) -> tuple[Progress, float]:
    before = seckill.stack()["pids"]
    async with SaleWatch.on(seckill.stack()) as watch:
        # What only the worker has in hand is most between a click and its order in Postgres.
        progress = await watch.until_in_the_middle(size.units, starting="worker" in victims)
        killed = time.monotonic()
        for victim in victims:
            os.kill(before[victim], signal.SIGKILL)
    await asyncio.sleep(DEAD_SECONDS)
    after = (await seckill.up())["pids"]
    assert {name for name in after if after[name] != before[name]} == set(victims)
    return progress, time.monotonic() - killed


async def _kill_all(home: Path, rushes: Sequence[Sequence[str]], size: RushSize) -> bool:
    seckill, well = CommandLine(home), True
    try:
        await seckill.up()
        for number, victims in enumerate(rushes):
            another = size.model_copy(update={"seed": size.seed + number})
            survival = await kill_in_the_middle(seckill, victims, another)
            typer.echo(str(survival) if survival.ok else survival.evidence)
            well = well and survival.ok
    finally:
        await seckill.run("down")
    return well


def main(
    victim: Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")] = None,
    together: Annotated[bool, typer.Option(help="All at one moment.")] = False,
    buyers: int = RushSize().buyers,
    units: int = RushSize().units,
    seed: int = RushSize().seed,
) -> None:
    """Exit code 0 only if every rush and every audit holds; else the logs are kept."""
    home = Path(tempfile.mkdtemp(prefix="seckill-kill9-"))
    victims = victim or PROCESSES
    rushes = [victims] if together else [[one] for one in victims]
    size = RushSize(buyers=buyers, units=units, seed=seed)
    well = asyncio.run(_kill_all(home, rushes, size))
    if well:
        shutil.rmtree(home)
    else:
        typer.echo(f"The logs are in {home / 'logs'}")
    raise typer.Exit(0 if well else 1)


if __name__ == "__main__":
    typer.run(main)
