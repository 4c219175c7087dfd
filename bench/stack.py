"""A stack for measuring: the embedded one with fresh data, and the yardsticks beside it."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bench.figures import BENCH
from domain.sale import ItemRef
from practice.rush.shop import sale_document
from practice.stack.applications import Application, local_url
from practice.stack.home import Home
from practice.stack.ports import free_port
from practice.stack.process import RunningProcess, start, stop
from practice.stack.processors import HALF_OF_THE_PROCESSORS
from practice.stack.settings import EmbeddedSettings
from practice.stack.shutdown import stop_stack
from practice.stack.stack_file import StackFile
from practice.stack.startup import start_stack

HTTP_SECONDS = 30.0
DYING_POLL_SECONDS = 0.01
ONE_PER_ORDER = 1_000
PRICE_FEN = 9_900
# They carry accepted orders on: as long as they live, what was accepted is under way.
CARRIERS = ("worker",)
# Stands for servers that are not ours.
PROVIDER = "sandbox"


@dataclass(frozen=True)
class BenchStack:
    home: Home
    stack_file: StackFile
    empty: RunningProcess
    noop: RunningProcess

    @property
    def jwt_secret(self) -> str:
        return self.home.secret("jwt")

    @property
    def jwt_issuer(self) -> str:
        return os.environ.get("SECKILL_JWT_ISSUER", "")

    def url_of(self, server: str) -> str:
        return self.empty.address if server == "empty" else self.stack_file.api_url

    def pids(self, *names: str) -> dict[str, int]:
        """Of processes of the stack, the yardsticks and this one (`BENCH`)."""
        # Not the stack file's: who was killed and started again has another one.
        known = {process.name: process.pid for process in self.home.processes()}
        known |= {"empty": self.empty.pid, "noop": self.noop.pid, BENCH: os.getpid()}
        return {name: known[name] for name in names}

    def servers(self) -> dict[str, int]:
        """Pids of all whose work is the price of an order, as far as they live."""
        living = [process.name for process in self.home.processes() if process.alive]
        return self.pids(*(name for name in living if name != PROVIDER))

    async def open_sale(self, stock: int, pay_window: int = 1800) -> ItemRef:
        """A sale of one item that runs now, for PRICE_FEN. `pay_window`: seconds."""
        now = datetime.now(UTC)
        document = sale_document(
            starts_at=now - timedelta(minutes=1),
            ends_at=now + timedelta(days=1),
            pay_window=pay_window,
            price=PRICE_FEN,
            stock=stock,
            limit=ONE_PER_ORDER,
        )
        operator = {"Authorization": f"Bearer {self.stack_file.operator_token}"}
        async with httpx.AsyncClient(
            base_url=self.stack_file.api_url,
            headers=operator,
            timeout=HTTP_SECONDS,
            trust_env=False,
        ) as http:
            created = (await http.post("/v1/operator/sales", json=document)).raise_for_status()
            sale = created.json()
            published = await http.post(f"/v1/operator/sales/{sale['sale_id']}/publish", json={})
            published.raise_for_status()
        return ItemRef(sale_id=sale["sale_id"], sku_id=sale["items"][0]["sku_id"])

    async def stop_carriers(self) -> None:
        """From here on accepted orders stay where they are."""
        for name in CARRIERS:
            if carrier := self.home.process(name):
                await stop(carrier)

    async def kill_carriers(self) -> None:
        """kill -9; returns when they are dead."""
        carriers = [one for one in self.home.processes() if one.name in CARRIERS]
        for carrier in carriers:
            os.kill(carrier.pid, signal.SIGKILL)
        while any(carrier.alive for carrier in carriers):  # noqa: ASYNC110 - nor do the dying
            await asyncio.sleep(DYING_POLL_SECONDS)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """It stands still inside the block, and nobody hears that it does (SIGSTOP)."""
        (pid,) = self.pids(name).values()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def start_carriers(self) -> None:
        """Returns when they are ready."""
        settings = _bench_settings(self.home.root)
        await start_stack(settings, self.home, frozenset(CARRIERS))


@asynccontextmanager
async def open_bench_stack() -> AsyncIterator[BenchStack]:
    """Its data lies on the same disk as that of the real stack, and is gone afterwards."""
    # Whatever servers the environment names, a bench must not fill them.
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        del os.environ[name]
    settings = _bench_settings(_fresh_folder())
    home = settings.open_home()
    try:
        stack_file = await start_stack(settings, home)
        os.environ["TEMPORAL_ADDRESS"] = stack_file.temporal_address
        # The yardstick is served as the worker is.
        os.environ.setdefault("TOKIO_WORKER_THREADS", HALF_OF_THE_PROCESSORS)
        async with (
            _yardstick("empty", "bench.empty_post", "/healthz", home) as empty,
            _yardstick("noop", "bench.noop_worker", "/metrics", home) as noop,
        ):
            yield BenchStack(home=home, stack_file=stack_file, empty=empty, noop=noop)
    finally:
        await stop_stack(home)
        shutil.rmtree(home.root, ignore_errors=True)


def _bench_settings(home: Path) -> EmbeddedSettings:
    nice = EmbeddedSettings().temporal_nice
    return EmbeddedSettings.model_construct(home=home, temporal_nice=nice)


def _fresh_folder() -> Path:
    parent = EmbeddedSettings().open_home().root
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    # Postgres, as another user, lives below it.
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def _yardstick(
    name: str, module: str, health_path: str, home: Home
) -> AsyncIterator[RunningProcess]:
    port = free_port()
    server = Application(name, (module, str(port)), local_url(port), os.environ.copy, health_path)
    running = await start(server, home.log(name), die_with_parent=True)
    try:
        yield running
    finally:
        await stop(running)
