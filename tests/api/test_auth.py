"""Who is calling is proved by a token, and by nothing less."""

import asyncio
import base64
import hmac
import time

import pytest

from api import auth
from api.auth import Caller, Tokens
from domain.errors import ErrorCode, Refusal
from tests.support.callers import SECRET
from tests.support.tokens import BAD_AUTHORIZATIONS, part, signed, soon


@pytest.mark.parametrize("authorization", BAD_AUTHORIZATIONS.values(), ids=BAD_AUTHORIZATIONS)
async def test_what_proves_nobody_is_refused_however_often_it_is_tried(
    authorization: str | None,
) -> None:
    tokens = Tokens(secret=SECRET)
    for _ in range(2):
        with pytest.raises(Refusal) as refusal:
            await tokens.caller(authorization)
        assert refusal.value.code is ErrorCode.UNAUTHENTICATED


async def test_without_a_secret_no_secret_proves_anything() -> None:
    message = f"{part({'alg': 'HS256'})}.{part({'sub': 'ada', 'exp': soon()})}"
    mac = base64.urlsafe_b64encode(hmac.digest(b"", message.encode(), "sha256")).decode()

    with pytest.raises(Refusal):
        await Tokens(secret="").caller(f"Bearer {message}.{mac.rstrip('=')}")


async def test_a_token_of_our_own_says_who_and_in_what_role() -> None:
    tokens = Tokens(secret=SECRET, issuer="shop")

    caller = await tokens.caller("bearer " + tokens.issue("olga", ["operator", "clerk"]))

    assert caller == Caller("olga", frozenset({"operator", "clerk"}))
    assert (caller.is_operator, caller.actor) == (True, "operator:olga")
    ada = await tokens.caller("Bearer " + tokens.issue("ada", []))
    assert (ada.is_operator, ada.actor) == (False, "buyer:ada")


async def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REMEMBERED_TOKENS", 3)
    tokens = Tokens(secret=SECRET)

    for number in range(10):
        await tokens.caller("Bearer " + tokens.issue(f"user-{number}", []))

    assert len(tokens._remembered) == 3


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
