"""The yardstick at the front door answers in the shape of ours."""

import httpx

from bench.empty_post import PATH, create_app


async def test_it_checks_what_is_asked_and_accepts() -> None:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://bench") as http:
        accepted = await http.post(PATH, json={"quantity": 1})
        refused = await http.post(PATH, json={"quantity": "many"})
        health = await http.get("/healthz")
    assert (accepted.status_code, accepted.json()["status"]) == (202, "queued")
    assert (refused.status_code, health.status_code) == (422, 200)
