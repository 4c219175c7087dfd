"""What load balancers and Prometheus are told."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.app import create_app
from domain.audit import AuditReport, Check
from infra.postgres.audits import Audits
from infra.settings import Settings
from tests.support.buyers import assert_problem, click
from tests.support.callers import served
from tests.support.outages import without
from tests.support.shop import Shop


async def test_without_redis_nothing_is_accepted(settings: Settings, shop: Shop) -> None:
    async with served(create_app(without(settings, "redis"))) as api:
        assert_problem(await click(api, shop), 503, "UNAVAILABLE")

        ready = await api.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["dependencies"]["redis"]["ok"] is False
        assert ready.json()["dependencies"]["postgres"]["ok"] is True


async def test_everything_ready_is_named(api: httpx.AsyncClient) -> None:
    ready = await api.get("/readyz")

    assert ready.status_code == 200
    assert {name: check["ok"] for name, check in ready.json()["dependencies"].items()} == {
        "redis": True,
        "postgres": True,
        "temporal": True,
    }


async def test_alive_needs_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    async with served(create_app(without(settings, "redis", "postgres"))) as api:
        assert (await api.get("/healthz")).status_code == 200


async def test_metrics_name_routes_and_never_paths(api: httpx.AsyncClient) -> None:
    await api.get("/v1/sales/somesale")
    await api.get("/v1/nothing/here")

    metrics = (await api.get("/metrics")).text

    assert 'route="/v1/sales/{sale_id}",status="404"' in metrics
    assert "somesale" not in metrics
    assert "nothing" not in metrics


async def test_metrics_tell_how_many_orders_wait_and_that_nobody_knows(
    settings: Settings, shop: Shop
) -> None:
    await shop.click("ada")
    async with served(create_app(settings)) as api:
        told = (await api.get("/metrics")).text
        assert "seckill_intents_waiting 1.0" in told
        assert "seckill_intents_oldest_seconds -1" not in told
    async with served(create_app(without(settings, "redis"))) as api:
        told = (await api.get("/metrics")).text
        assert "seckill_intents_waiting -1.0" in told
        assert "seckill_intents_oldest_seconds -1.0" in told


async def test_metrics_tell_what_the_newest_audit_found_and_when(
    settings: Settings, shop: Shop
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=5)
    report = AuditReport(
        audit_id="a",
        started_at=at,
        finished_at=at,
        checks=(Check(code="A1", ok=False, detail="wrong"),),
    )
    async with shop.database.transaction() as connection:
        await Audits(connection).save(report)
    async with served(create_app(settings)) as api:
        told = (await api.get("/metrics")).text
        assert "seckill_audit_ok 0.0" in told
        assert "seckill_audit_age_seconds 3" in told
        assert "seckill_audit_sound_age_seconds -1.0" in told
    async with served(create_app(without(settings, "postgres"))) as api:
        assert "seckill_audit_ok -1.0" in (await api.get("/metrics")).text
