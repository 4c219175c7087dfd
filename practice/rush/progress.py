"""The rush while it happens: a live picture in a terminal, plain lines in a pipe."""

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from domain.errors import ErrorCode
from domain.states import OrderStatus
from practice.rush.notes import ACCEPTED, UNANSWERED, Notes
from practice.rush.plan import RushPlan

LIVE_SECONDS, LINE_SECONDS = 0.2, 2.0
BAR_WIDTH = 50
_KINDS = (
    ("paid", "green", (OrderStatus.PAID, OrderStatus.FULFILLED)),
    ("to pay", "yellow", (OrderStatus.PENDING_PAYMENT,)),
    ("queued", "cyan", (OrderStatus.QUEUED,)),
)
_GIVEN_UP = (
    ("cancelled", (OrderStatus.CANCELLED,)),
    ("timed out", (OrderStatus.TIMED_OUT,)),
    ("rejected", (OrderStatus.REJECTED,)),
)


class Progress:
    """Shows what happens now (`begin`), and how far the orders are."""

    def __init__(self, console: Console, notes: Notes, plan: RushPlan) -> None:
        self._console = console
        self._notes = notes
        self._plan = plan
        self._began = time.monotonic()
        self._phase = self._printed = ""
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._drawing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._live:
            self._live.start()
        self._drawing = asyncio.create_task(self._draw())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._drawing:
            self._drawing.cancel()
            with suppress(asyncio.CancelledError):
                await self._drawing
        if self._live:
            self._live.update(self._picture(), refresh=True)
            self._live.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def begin(self, phase: str) -> None:
        self._phase = phase
        if not self._live:
            self._console.print(f"{self.seconds:5.1f} s  {phase}")

    async def _draw(self) -> None:
        while True:
            await asyncio.sleep(LIVE_SECONDS if self._live else LINE_SECONDS)
            if self._live:
                self._live.update(self._picture(), refresh=True)
            else:
                line = f"{self._clicks_line()} | {self._orders_line()}"
                if self._notes.clicks and line != self._printed:
                    self._printed = line
                    self._console.print(f"{self.seconds:5.1f} s    {line}", soft_wrap=True)

    def _picture(self) -> RenderableType:
        lines = Group(
            self._bar(),
            Text(self._orders_line()),
            Text(self._clicks_line(), style="dim"),
        )
        title = f"{self._phase} · {self.seconds:.0f} s"
        return Panel(lines, title=title, title_align="left", width=min(self._console.width, 88))

    def _bar(self) -> Text:
        statuses, bar, used = self._notes.statuses(), Text(), 0
        for _, colour, kind in _KINDS:
            count = sum(statuses[status] for status in kind)
            width = round(BAR_WIDTH * min(count / self._plan.units, 1))
            bar.append("█" * min(width, BAR_WIDTH - used), colour)
            used = min(used + width, BAR_WIDTH)
        bar.append("░" * (BAR_WIDTH - used), "dim")
        bar.append(f"  {self._plan.units:,} units")
        return bar

    def _orders_line(self) -> str:
        statuses = self._notes.statuses()
        kinds = [(name, kind) for name, _, kind in _KINDS]
        counts = [(name, sum(statuses[one] for one in kind)) for name, kind in (*kinds, *_GIVEN_UP)]
        return " · ".join(f"{name} {count:,}" for name, count in counts if count) or "no orders yet"

    def _clicks_line(self) -> str:
        answers = self._notes.answers
        named = (ACCEPTED, ErrorCode.SOLD_OUT, ErrorCode.LIMIT_REACHED)
        counts = [("clicks", self._notes.clicks), *((code, answers[code]) for code in named)]
        others = sum(count for code, count in answers.items() if code not in (*named, UNANSWERED))
        counts += [("refused otherwise", others), ("tried again", self._notes.faults.total())]
        return " · ".join(
            f"{name.lower().replace('_', ' ')} {count:,}" for name, count in counts if count
        )
