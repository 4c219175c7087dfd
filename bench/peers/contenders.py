"""Opens the product and its peers on one stack: they share its Redis and its Postgres."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from sys import executable
from urllib.parse import urlsplit

import asyncpg

from bench.instruments import Instruments
from bench.peers.contender import Contender
from bench.peers.installation import Installation
from bench.peers.names import PeerName
from bench.peers.peer import Peer, PeerKind, PeerStores, open_peer
from bench.peers.product import Product
from bench.peers.restate_server import RestateServer
from bench.stack import BenchStack
from practice.stack.ports import free_port
from practice.stack.process import ServerFailed, start, stop

# Of an engine's few hundred orders the hand-written one is done before it is looked at.
PLAIN_TIMES = 25
# The stack's own database of Redis is 0.
REDIS_DATABASE = "1"
DATABASE, DBOS_DATABASE = "peers", "peers_dbos"

_ENGINES = "bench.peers.engines"

PLAIN = PeerKind(PeerName.PLAIN, Path(executable), f"{_ENGINES}.plain", times=PLAIN_TIMES)


@dataclass(frozen=True)
class Opened:
    """`failed`: peers that are installed and do not start here, and why."""

    contenders: list[Contender]
    failed: tuple[str, ...]


@asynccontextmanager
async def open_contenders(
    stack: BenchStack, names: Collection[PeerName], installed: Installation
) -> AsyncIterator[Opened]:
    """The product first, then those of `names` that are installed."""
    async with AsyncExitStack() as closing:
        stores = await _open_stores(stack)
        instruments = await Instruments.open_(stack, closing)
        contenders: list[Contender] = [await Product.open_(stack, instruments, closing)]
        failed: list[str] = []
        for name in names:
            try:
                contenders += await _open(name, stack, stores, installed, closing)
            except ServerFailed as error:
                # Its first line is the reason, the others are the log's.
                failed.append(f"{name}: {str(error).splitlines()[0]}")
        yield Opened(contenders, tuple(failed))


async def _open(
    name: PeerName,
    stack: BenchStack,
    stores: PeerStores,
    installed: Installation,
    closing: AsyncExitStack,
) -> list[Peer]:
    """Nothing when it is not installed. Raises ServerFailed."""

    async def running(kind: PeerKind) -> Peer:
        return await closing.enter_async_context(open_peer(kind, stores, stack.home.log_dir))

    if name == PeerName.PLAIN:
        return [await running(PLAIN)]
    if name == PeerName.DBOS and installed.python:
        return [await running(_dbos(installed.python, _beside(stores.dsn, DBOS_DATABASE)))]
    if name == PeerName.RESTATE and installed.python and installed.restate_server:
        server = RestateServer.on_free_ports(installed.restate_server, stack.home.root / "restate")
        process = await start(server, stack.home.log(server.name), die_with_parent=True)
        closing.push_async_callback(stop, process)
        app_port = free_port()
        kind = _restate(installed.python, server.address, app_port, process.pid)
        peer = await running(kind)
        await server.register(app_port)
        return [peer]
    return []


def _dbos(python: Path, dsn: str) -> PeerKind:
    """`dsn`: the database in which DBOS keeps its own tables."""
    worker, notices = f"{_ENGINES}.dbos_worker", f"{_ENGINES}.dbos_notices"
    return PeerKind(PeerName.DBOS, python, worker, notices, environment={"PEER_DBOS_DSN": dsn})


def _restate(python: Path, ingress: str, app_port: int, server_pid: int) -> PeerKind:
    return PeerKind(
        PeerName.RESTATE,
        python,
        f"{_ENGINES}.restate_worker",
        f"{_ENGINES}.restate_notices",
        arguments=(str(app_port), ingress),
        notice_arguments=(ingress,),
        servers={"restate": server_pid},
    )


async def _open_stores(stack: BenchStack) -> PeerStores:
    dsn = stack.stack_file.postgres_dsn
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        for name in (DATABASE, DBOS_DATABASE):
            await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    redis_url = _beside(stack.stack_file.redis_url, REDIS_DATABASE)
    return PeerStores(redis_url, _beside(dsn, DATABASE), stack.pids("postgres", "redis"))


def _beside(address: str, database: str) -> str:
    return urlsplit(address)._replace(path=f"/{database}").geturl()
