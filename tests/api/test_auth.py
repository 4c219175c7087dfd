"""Who is calling is proved by a token, and by nothing less."""

import asyncio
import base64
import hmac
import time

import pytest

from api import auth
from api.auth import LEEWAY_SECONDS, Caller, Tokens
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
    short = "Bearer " + signed({"sub": "ada", "exp": time.time() + 1.0 - LEEWAY_SECONDS})
    assert (await tokens.caller(short)).user_id == "ada"

    async def refused() -> None:
        while True:
            await tokens.caller(short)
            await asyncio.sleep(0.05)

    with pytest.raises(Refusal) as refusal:
        await asyncio.wait_for(refused(), 5)
    assert refusal.value.code is ErrorCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "claims",
    [{"iat": 1}, {"iat": 5}, {"iat": 28}, {"nbf": 2}, {"nbf": 28}, {"exp": -28}],
    ids=str,
)
async def test_clocks_may_differ_by_half_a_minute(claims: dict[str, int]) -> None:
    now = int(time.time())
    shifted = {name: now + seconds for name, seconds in claims.items()}

    caller = await Tokens(secret=SECRET).caller(
        "Bearer " + signed({"sub": "ada", "exp": soon(), **shifted})
    )

    assert caller.user_id == "ada"


@pytest.mark.parametrize("claims", [{"iat": 35}, {"nbf": 35}, {"exp": -35}], ids=str)
async def test_clocks_may_differ_by_no_more(claims: dict[str, int]) -> None:
    now = int(time.time())
    shifted = {name: now + seconds for name, seconds in claims.items()}

    with pytest.raises(Refusal):
        await Tokens(secret=SECRET).caller(
            "Bearer " + signed({"sub": "ada", "exp": soon(), **shifted})
        )


@pytest.mark.parametrize("named", ["shop", ["other", "shop"]], ids=str)
async def test_a_token_for_this_service_is_good(named: object) -> None:
    tokens = Tokens(secret=SECRET, audience="shop")

    assert (
        await tokens.caller("Bearer " + signed({"sub": "ada", "exp": soon(), "aud": named}))
    ).user_id == "ada"


@pytest.mark.parametrize("named", [None, "another-service", ["another-service"], [], 7], ids=str)
async def test_a_token_for_another_service_is_not(named: object) -> None:
    tokens = Tokens(secret=SECRET, audience="shop")
    claims = {"sub": "ada", "exp": soon(), **({} if named is None else {"aud": named})}

    with pytest.raises(Refusal) as refusal:
        await tokens.caller("Bearer " + signed(claims))
    assert refusal.value.code is ErrorCode.UNAUTHENTICATED


@pytest.mark.parametrize("audience", ["", "*"])
async def test_nobody_looks_at_the_audience_where_none_is_set(audience: str) -> None:
    tokens = Tokens(secret=SECRET, audience=audience)

    for named in ({}, {"aud": "another-service"}):
        caller = await tokens.caller("Bearer " + signed({"sub": "ada", "exp": soon(), **named}))
        assert caller.user_id == "ada"


async def test_a_token_of_our_own_names_issuer_and_audience() -> None:
    tokens = Tokens(secret=SECRET, issuer="issuer", audience="shop")

    assert (await tokens.caller("Bearer " + tokens.issue("ada", []))).user_id == "ada"


async def test_the_issuer_must_be_ours_when_one_is_set() -> None:
    tokens = Tokens(secret=SECRET, issuer="shop")
    claims = {"sub": "ada", "exp": soon()}

    assert (await tokens.caller("Bearer " + signed({**claims, "iss": "shop"}))).user_id == "ada"
    for foreign in (claims, {**claims, "iss": "elsewhere"}):
        with pytest.raises(Refusal):
            await tokens.caller("Bearer " + signed(foreign))
