"""Who calls the API in tests, and by what token."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
from fastapi import FastAPI

from tests.support.documented import Documented

# Tokens are made when a test file is read, and the whole suite may come before their use.
LIFETIME_SECONDS = 4 * 3600

SECRET = "a secret that only these tests know, long enough"


def token(user_id: str, *roles: str, **claims: Any) -> str:
    ends = int(time.time()) + LIFETIME_SECONDS
    fields = {"sub": user_id, "roles": list(roles), "exp": ends, **claims}
    return jwt.encode(fields, SECRET, algorithm="HS256")


def bearer(user_id: str, *roles: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user_id, *roles)}"}


ADA, BOB = bearer("ada"), bearer("bob")
OPERATOR = bearer("olga", "operator")
JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The app, started, behind real HTTP messages. Whatever it answers must be documented."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport,
            base_url="http://localhost",
            event_hooks={"response": [Documented(app).check]},
        ) as client,
    ):
        yield client
