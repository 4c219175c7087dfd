"""What must stay secret is in no log, no answer and no workflow's history."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from temporalio.client import Client

from infra.telemetry import configure_logging
from infra.temporal.client import connect_temporal
from tests.support.forged_notices import AlipaySide, alipay_forgeries
from tests.support.http_server import serving
from tests.support.idle import until_idle
from tests.support.polling import until
from tests.support.whole_system import JWT_SECRET, OPERATOR, POINTS_PRICE, WholeSystem, bearer
from tests.support.whole_system_start import fresh_system
from tests.support.whole_system_steps import (
    LONG,
    begun,
    bought,
    grant_points,
    notices_of,
    paid,
    until_given_back,
)

WEBHOOK_SECRET = "the shop and its message receiver alone know this one"


@dataclass
class MessageReceiver:
    """Takes messages to buyers, after a first refusal."""

    refused: bool = False
    taken: list[bytes] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        if not self.refused:
            self.refused = True
            return Response("no", 500)
        self.taken.append(await request.body())
        return Response(status_code=204)


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that production would write, debugging included. Loggers are not kept afterwards."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level, logging.getLogger("httpx").level
    configure = structlog.configure
    monkeypatch.setattr(
        structlog,
        "configure",
        lambda **how: configure(**how | {"cache_logger_on_first_use": False}),
    )
    monkeypatch.setattr("sys.stdout", written)
    monkeypatch.setenv("SECKILL_LOG_LEVEL", "DEBUG")
    yield written
    structlog.reset_defaults()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logging.getLogger("httpx").setLevel(before[2])


@pytest.fixture
async def system(
    logs: io.StringIO,
    redis_url: str,
    postgres_dsn: str,
    keys_dir: Path,
    tmp_path: Path,
) -> AsyncIterator[WholeSystem]:
    receiver = Starlette(routes=[Route("/", MessageReceiver().take, methods=["POST"])])
    async with (
        serving(receiver) as receiver_url,
        fresh_system(
            redis_url,
            postgres_dsn,
            keys_dir,
            tmp_path,
            SECKILL_MESSAGES_WEBHOOK_URL=receiver_url,
            SECKILL_MESSAGES_WEBHOOK_SECRET=WEBHOOK_SECRET,
        ) as opened,
    ):
        configure_logging(opened.settings)
        yield opened


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_no_secret_is_told_by_logs_answers_or_histories(
    system: WholeSystem, logs: io.StringIO
) -> None:
    answers: list[bytes] = []

    async def overhear(answer: httpx.Response) -> None:
        answers.append(await answer.aread())

    system.api.event_hooks["response"].append(overhear)
    order_id = await _use_every_secret(system, logs)
    await _mistakes(system, order_id)
    await until_idle(system)

    told = {
        "logs": logs.getvalue().encode(),
        "answers": b"\n".join(answers),
        "histories": await _histories(await connect_temporal()),
    }
    # The check itself works: what is no secret is found.
    assert [where for where, text in told.items() if order_id.encode() not in text] == []
    secrets = _secrets(system)
    leaks = [
        f"{name} in {where}"
        for name, secret in secrets.items()
        for where, text in told.items()
        if secret in text
    ]
    assert leaks == []


async def _use_every_secret(system: WholeSystem, logs: io.StringIO) -> str:
    """Everything that has to do with a secret: signing, verifying, sealing, failing."""
    sale_id = await system.sale(stock=20, pay_window=LONG)
    await grant_points(system, "richard", POINTS_PRICE)
    order_id = await bought(system, sale_id, "ada", "wechatpay")
    await asyncio.gather(
        bought(system, sale_id, "bob", "alipay"),
        _by_points(system, sale_id, "richard"),
        _unlucky(system, sale_id, "cyd", "alipay"),
        _unlucky(system, sale_id, "dan", "wechatpay"),
    )
    number = (await system.order(order_id))["payment"]["out_trade_no"]
    # Only until it has failed once: each further failure doubles the wait for the next try.
    await system.misbehave(number, fail_calls=1.0)
    await system.operate(order_id, "refund")
    await until(lambda: _refund_failed(logs), "a refund call that fails")
    await system.misbehave(number)
    await until_given_back(system, number)
    return order_id


async def _refund_failed(logs: io.StringIO) -> bool:
    failed = (line for line in logs.getvalue().splitlines() if "provider_call_failed" in line)
    return any("/refund/" in line for line in failed)


async def _by_points(system: WholeSystem, sale_id: str, user_id: str) -> None:
    order_id = await system.ordered(sale_id, user_id)
    await begun(system, order_id, user_id, "points")


async def _unlucky(system: WholeSystem, sale_id: str, user_id: str, method: str) -> None:
    """The provider fails, lies and stutters, and the buyer has had enough of it, in time or not."""
    order_id = await system.ordered(sale_id, user_id)
    payment = await begun(system, order_id, user_id, method, "qr")
    number = payment["out_trade_no"]
    lies = {"bad_signature": 0.5, "tamper_app": 0.3, "tamper_amount": 0.3, "duplicate": 1.0}
    await system.misbehave(number, fail_calls=0.5, **lies)
    await paid(system, payment)
    await until(lambda: notices_of(system, order_id), f"notices of {order_id}")
    await system.cancel(order_id, user_id)
    # Enough has failed by now, and with bad luck half of all calls can fail for minutes.
    await system.misbehave(number, **lies)


async def _mistakes(system: WholeSystem, order_id: str) -> None:
    """What strangers and clumsy clients get to hear."""
    side = AlipaySide.of_folder(system.keys)
    for forgery in alipay_forgeries(side, side.paid(f"{order_id}A1", "88.00"))[::5]:
        await system.api.post("/v1/webhooks/alipay", content=forgery.body, headers=forgery.headers)
    token = bearer("ada")["Authorization"]
    for headers in ({"Authorization": token[:-3]}, {"Authorization": f"{token}.x"}, {}):
        assert (await system.api.get("/v1/orders", headers=headers)).status_code == 401
    for path in (f"/v1/orders/{order_id}/payments", "/v1/operator/sales", "/v1/nowhere"):
        answer = await system.api.post(path, content=b"{broken", headers=OPERATOR)
        assert answer.status_code >= 400
    assert (await system.api.get("/v1/operator/orders", headers=bearer("bob"))).status_code == 403


async def _histories(client: Client) -> bytes:
    """Every event of every workflow, payloads and all."""
    events = [
        event.SerializeToString()
        async for workflow in client.list_workflows()
        for event in (
            await client.get_workflow_handle(workflow.id, run_id=workflow.run_id).fetch_history()
        ).events
    ]
    return b"\n".join(events)


def _secrets(system: WholeSystem) -> dict[str, bytes]:
    """Of keys a line from their middle: who tells a whole key tells that line."""
    lines = {
        path.name: path.read_bytes().splitlines()[10] for path in system.keys.rglob("*private*.pem")
    }
    platform = (system.keys / "wechatpay_platform_private").glob("*.pem")
    lines |= {path.name: path.read_bytes().splitlines()[10] for path in platform}
    assert len(lines) >= 4
    tokens = {
        f"token of {user}": bearer(user)["Authorization"].rpartition(".")[2].encode()
        for user in ("ada", "bob")
    }
    return (
        lines
        | {
            "APIv3 key": (system.keys / "wechatpay_api_v3_key.txt").read_bytes().strip(),
            "JWT secret": JWT_SECRET.encode(),
            "webhook secret": WEBHOOK_SECRET.encode(),
            "operator's token": OPERATOR["Authorization"].rpartition(".")[2].encode(),
        }
        | tokens
    )
