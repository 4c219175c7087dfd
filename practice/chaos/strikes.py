"""Faults as they are done to a stack: each is on inside its block, and over after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncpg
import httpx
from redis.asyncio import Redis

from practice.chaos.faults import SWITCHES, Fault, FaultKind, Misconduct
from practice.chaos.stack import ChaosStack
from practice.stack.loopback import loopback_http

SLOW_SECONDS = 0.05
# More than any server here lets in.
MOST_CONNECTIONS = 1_000
# Redis keeps who is in: this many may be, and the next one is refused.
REDIS_CLIENTS = 1
AGAIN_SECONDS = 0.1
PROVIDER_SECONDS = 60.0


@asynccontextmanager
async def struck(stack: ChaosStack, fault: Fault) -> AsyncIterator[None]:
    """Raises what the servers answer that the kit itself must ask (a lock, a switch)."""
    async with AsyncExitStack() as over:
        link = stack.links.get(fault.target)
        match fault.kind:
            case FaultKind.KILL:
                await stack.kill(fault.target)
                over.push_async_callback(stack.start, fault.target)
            case FaultKind.FREEZE:
                over.enter_context(stack.frozen(fault.target))
            case FaultKind.CUT if link:
                over.enter_context(link.cut())
            case FaultKind.MUTE if link:
                over.enter_context(link.muted())
            case FaultKind.SLOW if link:
                over.enter_context(link.slowed(SLOW_SECONDS))
            case FaultKind.FULL:
                await over.enter_async_context(_full(stack, fault.target))
            case FaultKind.LOCK:
                await over.enter_async_context(_locked_orders(stack))
            case FaultKind.PROVIDER if fault.conduct:
                await over.enter_async_context(_misconduct(stack, fault.conduct))
        yield


@asynccontextmanager
async def _full(stack: ChaosStack, target: str) -> AsyncIterator[None]:
    """Whoever was connected has lost his place, and nobody finds another."""
    filled = _full_postgres(stack) if target == "postgres" else _full_redis(stack)
    async with filled:
        yield


@asynccontextmanager
async def _full_redis(stack: ChaosStack) -> AsyncIterator[None]:
    async with Redis.from_url(stack.address("redis"), decode_responses=True) as redis:
        before = str((await redis.config_get("maxclients"))["maxclients"])
        await redis.config_set("maxclients", REDIS_CLIENTS)
        stack.links["redis"].drop()
        try:
            yield
        finally:
            # By the connection it has: another one would be refused as well.
            await redis.config_set("maxclients", before)


@asynccontextmanager
async def _full_postgres(stack: ChaosStack) -> AsyncIterator[None]:
    taken: list[asyncpg.Connection[Any]] = []
    stack.links["postgres"].drop()
    try:
        with suppress(asyncpg.TooManyConnectionsError):
            while len(taken) < MOST_CONNECTIONS:
                taken.append(await asyncpg.connect(stack.address("postgres"), ssl=False))
        yield
    finally:
        for connection in taken:
            connection.terminate()


@asynccontextmanager
async def _locked_orders(stack: ChaosStack) -> AsyncIterator[None]:
    """Every query of orders waits, and with it the connection of a pool that asked it."""
    connection = await asyncpg.connect(stack.address("postgres"), ssl=False)
    try:
        await connection.execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        connection.terminate()


@asynccontextmanager
async def _misconduct(stack: ChaosStack, conduct: Misconduct) -> AsyncIterator[None]:
    await switch_provider(stack.address("sandbox"), SWITCHES[conduct])
    try:
        yield
    finally:
        await switch_provider(stack.address("sandbox"), {})


async def switch_provider(address: str, switches: object) -> None:
    """Asked until it has heard, for a process that was just started may not hear yet."""
    async with asyncio.timeout(PROVIDER_SECONDS), loopback_http(address) as http:
        while True:
            with suppress(httpx.TransportError):
                (await http.put("/control", json=switches)).raise_for_status()
                return
            await asyncio.sleep(AGAIN_SECONDS)
