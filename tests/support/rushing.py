from rich.console import Console

from practice.rush.plan import RushPlan, StackAddress
from practice.rush.report import RushReport
from practice.rush.scenario import rush
from tests.support.live_app import live
from tests.support.shop_double import PracticeShop


class Rusher:
    """Rushes a practice shop with a plan small enough for a test."""

    def __init__(self, console: Console) -> None:
        self.console = console

    async def __call__(self, shop: PracticeShop, **changes: object) -> RushReport:
        terms: dict[str, object] = {
            "buyers": 40, "units": 10, "seconds": 1.0, "pay_window": 3, "settle_seconds": 15.0,
        }  # fmt: skip
        plan = RushPlan.model_validate(terms | changes)
        async with live(shop.app()) as url:
            return await rush(plan, StackAddress(api_url=url, sandbox_url=url), self.console)
