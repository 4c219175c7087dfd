"""Faults on demand: an activity fails before its effect, after it, or for ever."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.first_step import TakeUpOrder
from activities.orders import EndOrder
from activities.settlements import SettlePayment

# Part of another step, but where the release before this one asked for that, or the other step
# could not do them.
STEPS_OF_BEFORE = frozenset(
    {"place_order", "order_stands", "confirm_stock", "carry_out", "release_stock"}
)


class Fault(StrEnum):
    BEFORE = "before its effect"
    AFTER = "after its effect"
    ALWAYS = "for ever"
    GIVEN_UP = "before its effect, and its caller gives up"


@dataclass
class FaultPlan(Interceptor):
    """Which activity of which order fails how. `ALWAYS` fails after its effect, each time."""

    planned: dict[tuple[str, str], Fault] = field(default_factory=dict)
    struck: set[tuple[str, str]] = field(default_factory=set)

    def plan(self, order_id: str, step: str, fault: Fault) -> None:
        self.planned[order_id, step] = fault

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Faulty(next, self)

    async def strike(self, moment: Fault, order_id: str) -> None:
        key = (order_id, activity.info().activity_type)
        fault = self.planned.get(key)
        if fault is Fault.GIVEN_UP and moment is Fault.BEFORE:
            self.struck.add(key)
            raise ApplicationError(f"injected: {key[1]} fails {fault}", non_retryable=True)
        once = fault is moment and key not in self.struck
        if not (once or (fault is Fault.ALWAYS and moment is Fault.AFTER)):
            return
        self.struck.add(key)
        raise ApplicationError(f"injected: {key[1]} fails {fault}")


class _Faulty(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, plan: FaultPlan) -> None:
        super().__init__(next)
        self._plan = plan

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        order_id = _order_of(input.args[0]) if input.args else ""
        if any((order_id, step) in self._plan.planned for step in STEPS_OF_BEFORE):
            input.args = [as_of_before(argument) for argument in input.args]
        await self._plan.strike(Fault.BEFORE, order_id)
        result = await super().execute_activity(input)
        await self._plan.strike(Fault.AFTER, order_id)
        return result


def _order_of(argument: Any) -> str:
    about = getattr(argument, "intent", None) or getattr(argument, "payment", argument)
    return str(getattr(about, "order_id", ""))


def as_of_before(argument: Any) -> Any:
    """What a step is told, as the release before this one told it: to do one thing and no more."""
    if isinstance(argument, TakeUpOrder):
        return argument.model_copy(update={"placed_at": None})
    if isinstance(argument, SettlePayment):
        return argument.model_copy(update={"intent": None})
    if isinstance(argument, EndOrder):
        return argument.model_copy(update={"give_back": None})
    return argument
