"""Practice logins: a token for anyone, where they are switched on."""

import httpx
import pytest

from api.app import create_app
from infra.settings import Settings
from tests.support.buyers import assert_problem
from tests.support.callers import SECRET, served


async def test_a_practice_login_gives_a_token_that_works(api: httpx.AsyncClient) -> None:
    body = {"user_id": "ada", "roles": ["operator"]}
    answer = await api.post("/v1/dev/tokens", json=body)

    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert (await api.get("/v1/operator/attention", headers=headers)).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1"])
async def test_a_practice_login_is_not_reached_by_a_strangers_name(
    api: httpx.AsyncClient, host: str
) -> None:
    answer = await api.post("/v1/dev/tokens", json={"user_id": "ada"}, headers={"Host": host})

    assert_problem(answer, 403, "FORBIDDEN")


@pytest.mark.parametrize("user_id", ["", "a" * 129, "a\nb", "a\0", None, 7])
async def test_a_practice_login_needs_a_user_id(api: httpx.AsyncClient, user_id: object) -> None:
    answer = await api.post("/v1/dev/tokens", json={"user_id": user_id, "roles": []})

    assert_problem(answer, 422, "INVALID")


async def test_practice_logins_exist_only_where_they_are_switched_on(settings: Settings) -> None:
    closed = settings.model_copy(update={"dev_login": False})
    async with served(create_app(closed)) as api:
        answer = await api.post("/v1/dev/tokens", json={"user_id": "ada", "roles": ["operator"]})
        document = (await api.get("/openapi.json")).json()

    assert_problem(answer, 404, "NOT_FOUND")
    assert "/v1/dev/tokens" not in document["paths"]
    assert SECRET not in str(document)
