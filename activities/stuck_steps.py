"""A step that is tried without end calls a person, and stops calling once it succeeds.

Retries are right to have no end where something must be undone, closed or given back. Without a
voice they would hide: the order looks as if it were on its way.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.actors import SYSTEM
from domain.attention import AttentionKind
from infra.postgres.attentions import Attentions
from infra.postgres.engine import Database

log = structlog.get_logger()

# Longer than a server needs to restart, shorter than a buyer's patience.
STUCK_AFTER = timedelta(minutes=3)
ERROR_CHARACTERS = 300
# A try that hangs is given up by the server alone; we must have called before that.
SHARE_OF_A_TRY = 0.8
NO_ANSWER = "it gives no answer in time"
ADVICE = (
    "It is tried again by itself, and this closes when it succeeds. Put right what the error names:"
    " a provider's setting, a missing row, a server that is away."
)


@dataclass(frozen=True)
class Step:
    """One activity of one workflow, over all its tries."""

    subject: str
    name: str
    order_id: str | None
    attempt: int
    is_stuck: bool


class StuckSteps(Interceptor):
    """Raises STEP_STUCK for a step without a bound that has been tried for `after`."""

    def __init__(self, database: Database, after: timedelta = STUCK_AFTER) -> None:
        self._database = database
        self._after = after

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Watched(next, self)

    def step(self, argument: Any) -> Step:
        info = activity.info()
        tried_for = datetime.now(UTC) - info.scheduled_time
        order_id = getattr(getattr(argument, "intent", argument), "order_id", None)
        return Step(
            # Without the run: a step that a reset or a new run takes up again is the same to us.
            subject=f"{info.workflow_id}:{info.activity_type}:{info.activity_id}",
            name=info.activity_type,
            order_id=order_id if isinstance(order_id, str) else None,
            attempt=info.attempt,
            is_stuck=info.attempt > 1 and tried_for >= self._after and not _has_a_bound(info),
        )

    async def call_a_person(self, step: Step, error: str) -> None:
        async with self._database.transaction() as connection:
            raised = await Attentions(connection).raise_(
                AttentionKind.STEP_STUCK,
                step.subject,
                order_id=step.order_id,
                what=f"{step.name} fails again and again ({step.attempt} tries): {error}",
                advice=ADVICE,
                step=step.name,
                tries=step.attempt,
            )
        if raised:
            log.error("step_stuck", step=step.name, order_id=step.order_id, attempt=step.attempt)

    async def dismiss(self, step: Step) -> None:
        async with self._database.transaction() as connection:
            await Attentions(connection).resolve(
                AttentionKind.STEP_STUCK, step.subject, SYSTEM, f"done at try {step.attempt}"
            )


class _Watched(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, watch: StuckSteps) -> None:  # noqa: A002
        super().__init__(next)
        self._watch = watch

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        step = self._watch.step(input.args[0] if input.args else None)
        if not step.is_stuck:
            # A try that ends late counts from the next one on: most steps pay one comparison here.
            return await super().execute_activity(input)
        alarm = asyncio.create_task(self._call_if_it_hangs(step))
        try:
            result = await super().execute_activity(input)
        except Exception as error:
            if not _is_expected(error):
                said = f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS].replace("\0", "")
                await self._quietly(self._watch.call_a_person(step, said), step)
            raise
        finally:
            alarm.cancel()
        await self._quietly(self._watch.dismiss(step), step)
        return result

    async def _call_if_it_hangs(self, step: Step) -> None:
        one_try = activity.info().start_to_close_timeout or STUCK_AFTER
        await asyncio.sleep(one_try.total_seconds() * SHARE_OF_A_TRY)
        await self._quietly(self._watch.call_a_person(step, NO_ANSWER), step)

    async def _quietly(self, telling: Awaitable[None], step: Step) -> None:
        """What the step itself says must not be replaced by a Postgres that is away."""
        try:
            await telling
        except Exception as error:
            log.warning("stuck_step_not_told", order_id=step.order_id, error=repr(error)[:200])


def _has_a_bound(info: activity.Info) -> bool:
    """Who bounded the step's tries or time decides what comes after them."""
    policy = info.retry_policy
    bounded_tries = bool(policy and policy.maximum_attempts)
    return info.is_local or bounded_tries or bool(info.schedule_to_close_timeout)


def _is_expected(error: Exception) -> bool:
    """Waiting for its turn is no failure."""
    return isinstance(error, ApplicationError) and error.category is ApplicationErrorCategory.BENIGN
