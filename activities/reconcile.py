"""Redis beside Postgres, as a step of a schedule."""

import structlog
from temporalio import activity

from activities.heartbeats import heartbeats
from audit.reconcile import Reconciled, reconcile
from audit.sources import OpenSources

log = structlog.get_logger()


class ReconcileActivities:
    def __init__(self, open_sources: OpenSources) -> None:
        self._open = open_sources

    @activity.defn
    async def reconcile_stores(self) -> Reconciled:
        """One round. It may be killed at any line: the next one looks for itself."""
        async with heartbeats(), self._open() as sources:
            done = await reconcile(sources)
        if done != Reconciled():
            log.warning("reconciled", **done.model_dump())
        return done
