"""Who is calling is proved by a token, and by nothing less."""

import asyncio
import time

import pytest

from api.auth import Tokens
from domain.errors import ErrorCode, Refusal
from tests.support.callers import SECRET
from tests.support.tokens import signed, soon


async def test_a_remembered_token_still_expires() -> None:
    tokens = Tokens(secret=SECRET)
    short = "Bearer " + signed({"sub": "ada", "exp": time.time() + 1.0})
    assert (await tokens.caller(short)).user_id == "ada"

    async def refused() -> None:
        while True:
            await tokens.caller(short)
            await asyncio.sleep(0.05)

    with pytest.raises(Refusal) as refusal:
        await asyncio.wait_for(refused(), 5)
    assert refusal.value.code is ErrorCode.UNAUTHENTICATED


async def test_the_issuer_must_be_ours_when_one_is_set() -> None:
    tokens = Tokens(secret=SECRET, issuer="shop")
    claims = {"sub": "ada", "exp": soon()}

    assert (await tokens.caller("Bearer " + signed({**claims, "iss": "shop"}))).user_id == "ada"
    for foreign in (claims, {**claims, "iss": "elsewhere"}):
        with pytest.raises(Refusal):
            await tokens.caller("Bearer " + signed(foreign))
