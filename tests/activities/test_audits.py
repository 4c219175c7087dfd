"""An audit that is not sound calls a person, and the next sound one says that all is well."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.audits import AuditActivities, Audited
from audit.sources import AuditSources
from domain.attention import AttentionKind
from infra.postgres.attentions import Attentions
from infra.postgres.audits import Audits
from infra.redis.keys import ItemKeys
from tests.support.shop import Shop
from tests.support.workflows_double import WorkflowsDouble


async def test_it_calls_a_person_until_everything_is_proved(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    stock = ItemKeys.of(shop.item.ref).item

    @asynccontextmanager
    async def opened() -> AsyncIterator[AuditSources]:
        async with shop.open_sources() as sources:
            quick = timedelta(milliseconds=20)
            yield replace(sources, workflows=WorkflowsDouble(), grace=quick)

    async def audited() -> Audited:
        step = AuditActivities(shop.database, opened).audit_what_changed
        return await ActivityEnvironment().run(step)

    await shop.redis.hincrby(stock, "stock", 1)
    wrong = await audited()
    assert (wrong.ok, wrong.broken) == (False, ("A2",))
    async with shop.database.transaction() as connection:
        [attention], _ = await Attentions(connection).open_(None, 10)
        assert await Audits(connection).last_sound() is None
    assert attention.kind is AttentionKind.AUDIT_FAILED
    assert "A2: " in attention.what

    await shop.redis.hincrby(stock, "stock", -1)
    assert (await audited()).ok
    async with shop.database.transaction() as connection:
        assert await Attentions(connection).open_(None, 10) == ([], None)
        assert await Audits(connection).last_sound() is not None
