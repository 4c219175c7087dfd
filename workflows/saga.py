"""Compensations: what has to be undone, in reverse, when an order comes to nothing."""

from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError

Undo = Callable[[], Awaitable[None]]


class NotToBeUndone(Exception):
    """An undo found that its forward step has come further than was known."""


class Saga:
    """Collects undo steps. Each must be harmless if its forward step did nothing."""

    def __init__(self) -> None:
        self._undo: list[Undo] = []

    def before_doing(self, undo: Undo) -> None:
        """Register the undo of a step before the step is tried."""
        # Afterwards would be too late: a step may have worked although it looked failed.
        self._undo.append(undo)

    def pass_point_of_no_return(self) -> None:
        """From here on the saga only goes forward: money has arrived."""
        self._undo.clear()

    async def compensate(self) -> None:
        """Undo everything registered, last first. A second call finds nothing left to undo.
        Raises NotToBeUndone as an undo does; that one and those before it stay registered."""
        while self._undo:
            undo = self._undo.pop()
            try:
                await undo()
            except NotToBeUndone:
                self._undo.append(undo)
                raise
            except ActivityError as error:
                # Undo steps are retried without end, so this one says that it never can work;
                # the others still must run.
                workflow.logger.error("compensation_failed", extra={"cause": str(error.cause)})
