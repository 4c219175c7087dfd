"""Waiting for a Temporal that is not there yet: a worker may be started before it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import structlog
from temporalio.service import RPCError, RPCStatusCode

from infra.settings import UnusableSetting
from infra.temporal.client import temporal_address

log = structlog.get_logger()

ASKED_EVERY_SECONDS = 2.0
ERROR_CHARACTERS = 200
# Whoever is not let in at the start is not let in later either, before somebody sets it right.
_NOT_LET_IN = frozenset({RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED})

Opened = TypeVar("Opened")


async def when_temporal_answers(
    attempt: Callable[[], Awaitable[Opened]],
    stop: asyncio.Event,
    every_seconds: float = ASKED_EVERY_SECONDS,
) -> Opened | None:
    """What `attempt` answers, tried again while the server is away, or does not know the namespace
    yet; None when `stop` came first. Raises UnusableSetting where we are not let in."""
    waited = False
    while not stop.is_set():
        try:
            opened = await attempt()
        # temporalio says RuntimeError for a client that cannot connect.
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status in _NOT_LET_IN:
                reason = f"TEMPORAL_API_KEY, TEMPORAL_TLS…: Temporal does not let us in ({error})"
                raise UnusableSetting(reason) from error
            if not waited:
                said = str(error)[:ERROR_CHARACTERS]
                log.warning("waiting_for_temporal", address=temporal_address(), error=said)
            waited = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_seconds)
            continue
        if waited:
            log.info("temporal_answers", address=temporal_address())
        return opened
    return None
