import pytest
from redis.asyncio import Redis

from domain.payment import PaymentMethod
from infra.gateways.points.gateway import PointsGateway
from infra.postgres.engine import Database
from infra.settings import Settings
from infra.stores import open_providers, open_stores

NOBODY = Settings(
    redis_url="redis://127.0.0.1:1/0", postgres_dsn="postgresql://nobody@127.0.0.1:1/nothing"
)


async def test_both_stores_answer_while_they_are_open(redis_url: str, postgres_dsn: str) -> None:
    settings = Settings(redis_url=redis_url, postgres_dsn=postgres_dsn)

    async with open_stores(settings) as stores:
        assert await stores.redis.ping()
        await stores.database.ping()


async def test_stores_that_are_away_do_not_fail_the_start() -> None:
    async with open_stores(NOBODY) as stores, open_providers(NOBODY, stores.database) as gateways:
        assert set(gateways) == {PaymentMethod.POINTS}
        with pytest.raises(OSError):
            await stores.database.ping()


async def test_what_is_opened_last_is_closed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def tell(owner: type) -> None:
        async def aclose(_self: object) -> None:
            closed.append(owner.__name__)

        monkeypatch.setattr(owner, "aclose", aclose)

    tell(Redis)
    tell(Database)
    tell(PointsGateway)
    async with open_stores(NOBODY) as stores, open_providers(NOBODY, stores.database):
        assert closed == []

    assert closed == ["PointsGateway", "Database", "Redis"]
