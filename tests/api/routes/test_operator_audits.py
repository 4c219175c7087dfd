"""Audits over HTTP: the same code as on the command line."""

from datetime import UTC, datetime

import httpx
import pytest

from domain.audit import AuditReport
from infra.postgres.audits import Audits
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import ADA, OPERATOR
from tests.support.operators import acts_of
from tests.support.shop import Shop


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An audit looks again before it complains; here it need not wait long for that."""
    return settings.model_copy(update={"audit_grace_seconds": 0.1})


async def test_an_audit_answers_line_by_line_and_is_kept(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    before = (await api.get("/v1/operator/audits", headers=OPERATOR)).json()
    assert before == {"ok": None, "checks": [], "audits": [], "next_cursor": None}

    made = await api.post("/v1/operator/audits", headers=OPERATOR)

    assert made.status_code == 200, made.text
    report = made.json()
    assert [check["code"] for check in report["checks"]] == [f"A{n}" for n in range(1, 8)]
    assert report["ok"] == all(check["ok"] for check in report["checks"])
    assert set(report["checks"][0]) == {"code", "ok", "detail", "orders"}
    assert await acts_of(shop.database) == [("operator:olga", "audit_asked", "changed", "")]
    kept = (await api.get("/v1/operator/audits", headers=OPERATOR)).json()
    assert (kept["ok"], kept["checks"]) == (report["ok"], report["checks"])
    assert [audit["audit_id"] for audit in kept["audits"]] == [report["audit_id"]]
    other = f"/v1/operator/audits?ok={str(not report['ok']).lower()}"
    assert (await api.get(other, headers=OPERATOR)).json() == before
    assert_problem(await api.get("/v1/operator/audits?fails=A", headers=OPERATOR), 422, "INVALID")


async def test_an_audit_names_what_it_cannot_agree_to(api: httpx.AsyncClient, shop: Shop) -> None:
    terms = await shop.gate.terms(shop.item.ref)
    assert terms is not None
    await shop.gate.rebuild(terms, 4, ())

    report = (await api.post("/v1/operator/audits", headers=OPERATOR)).json()

    assert report["ok"] is False
    assert "A2" in [check["code"] for check in report["checks"] if not check["ok"]]


async def test_a_second_audit_looks_at_what_has_changed_unless_the_whole_is_asked_for(
    api: httpx.AsyncClient, shop: Shop
) -> None:
    async with shop.database.transaction() as connection:
        now = datetime.now(UTC)
        sound = AuditReport(audit_id="sound", started_at=now, finished_at=now, checks=())
        await Audits(connection).save(sound)

    windowed = (await api.post("/v1/operator/audits", headers=OPERATOR)).json()
    body = {"whole": True}
    whole = (await api.post("/v1/operator/audits", headers=OPERATOR, json=body)).json()

    assert windowed["checks"][0]["detail"].startswith("since ")
    assert not whole["checks"][0]["detail"].startswith("since ")


async def test_buyers_do_not_audit(api: httpx.AsyncClient) -> None:
    assert_problem(await api.post("/v1/operator/audits", headers=ADA), 403, "FORBIDDEN")
