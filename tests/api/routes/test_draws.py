from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from infra.postgres.engine import Database
from tests.support.buyers import assert_problem
from tests.support.callers import OPERATOR
from tests.support.operators import WHY, drafted, published


async def a_sale(api: httpx.AsyncClient, admission: str = "draw", **changes: Any) -> str:
    return str((await drafted(api, admission=admission, **changes))["sale_id"])


async def publish(api: httpx.AsyncClient, sale_id: str, **body: Any) -> httpx.Response:
    return await api.post(f"/v1/operator/sales/{sale_id}/publish", json=body, headers=OPERATOR)


async def hand_in(api: httpx.AsyncClient, sale_id: str, value: str) -> httpx.Response:
    body = {"value": value, **WHY}
    return await api.post(f"/v1/operator/sales/{sale_id}/beacon", json=body, headers=OPERATOR)


async def seeds(database: Database) -> list[Any]:
    async with database.transaction() as connection:
        return list(await connection.execute(text("SELECT sale_id, seed FROM draw_seeds")))


async def test_publishing_a_draw_makes_its_one_seed(
    api: httpx.AsyncClient, database: Database
) -> None:
    sale = await a_sale(api)
    assert await seeds(database) == []
    await published(api, sale)
    made = await seeds(database)

    await published(api, sale)
    await published(api, await a_sale(api, "queue"))

    assert await seeds(database) == made
    assert len(made) == 1


async def test_a_beacon_is_named_at_publish_or_never(api: httpx.AsyncClient) -> None:
    sale, other, queue = await a_sale(api), await a_sale(api), await a_sale(api, "queue")

    assert (await publish(api, sale, beacon_source="drand 4242")).status_code == 200
    assert (await publish(api, sale, beacon_source="drand 4242")).status_code == 200
    assert_problem(await publish(api, sale, beacon_source="drand 4243"), 409, "INVALID_STATE")
    await published(api, other)
    assert_problem(await publish(api, other, beacon_source="drand"), 409, "INVALID_STATE")
    assert_problem(await publish(api, queue, beacon_source="drand"), 409, "INVALID_STATE")
    room = (await api.get(f"/v1/sales/{sale}/items/teapot/room")).json()
    assert room["beacon_source"] == "drand 4242"
    assert room["beacon"] is None


async def test_the_beacons_value_is_handed_in_after_the_start_and_once(
    api: httpx.AsyncClient,
) -> None:
    sale = await a_sale(api)
    await publish(api, sale, beacon_source="drand 4242")

    first = await hand_in(api, sale, "8f0c")
    again = await hand_in(api, sale, "8f0c")

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["beacon"] == "8f0c"
    assert_problem(await hand_in(api, sale, "another"), 409, "INVALID_STATE")


@pytest.mark.parametrize("named", [True, False])
async def test_a_beacon_too_early_or_never_named_is_refused(
    api: httpx.AsyncClient, named: bool
) -> None:
    starts_at = datetime.now(UTC) + timedelta(hours=1 if named else -1)
    sale = await a_sale(api, starts_at=starts_at.isoformat())
    await publish(api, sale, **({"beacon_source": "drand 4242"} if named else {}))

    assert_problem(await hand_in(api, sale, "8f0c"), 409, "INVALID_STATE")
    assert_problem(await hand_in(api, "no-such-sale", "8f0c"), 404, "NOT_FOUND")


async def test_there_is_no_list_where_no_lots_were_drawn(api: httpx.AsyncClient) -> None:
    sale = await a_sale(api, "queue")
    await published(api, sale)

    for part in ("list", "places"):
        answer = await api.get(f"/v1/sales/{sale}/items/teapot/room/{part}")
        assert_problem(answer, 404, "NOT_FOUND")
