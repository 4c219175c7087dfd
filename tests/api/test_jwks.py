"""Tokens signed with a key of a key set that is fetched when needed."""

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.auth import Tokens
from api.jwks import KeySet
from domain.errors import ErrorCode, Refusal
from tests.support.callers import SECRET
from tests.support.tokens import part, soon


class KeyServer:
    """Serves a key set; counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.asked = 0
        self.away = False
        self.changes: dict[str, str] = {}
        self.strangers: list[dict[str, object]] = []

    def add(self, key_id: str) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys[key_id] = key
        return key

    async def answer(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("away")
        to_jwk = jwt.algorithms.RSAAlgorithm.to_jwk
        jwks = [
            {**to_jwk(key.public_key(), as_dict=True), "kid": key_id, **self.changes}
            for key_id, key in self.keys.items()
        ]
        return httpx.Response(200, json={"keys": [*self.strangers, *jwks]})


@pytest.fixture
def key_server() -> KeyServer:
    return KeyServer()


@pytest.fixture
async def rs_tokens(key_server: KeyServer) -> AsyncIterator[Tokens]:
    keys = KeySet("http://keys.test/jwks", httpx.MockTransport(key_server.answer))
    yield Tokens(secret=SECRET, keys=keys)
    await keys.aclose()


def rs256(
    key: rsa.RSAPrivateKey, key_id: str | None, user_id: str = "ada", seconds: int = 600
) -> str:
    headers = {"kid": key_id} if key_id else None
    claims = {"sub": user_id, "exp": int(time.time()) + seconds}
    return "Bearer " + jwt.encode(claims, key, algorithm="RS256", headers=headers)


async def test_a_key_set_proves_its_tokens(key_server: KeyServer, rs_tokens: Tokens) -> None:
    key = key_server.add("k1")

    assert (await rs_tokens.caller(rs256(key, "k1"))).user_id == "ada"
    assert (await rs_tokens.caller(rs256(key, "k1", "bob"))).user_id == "bob"
    assert key_server.asked == 1


async def test_a_secret_made_of_the_public_key_proves_nothing(
    key_server: KeyServer, rs_tokens: Tokens
) -> None:
    key = key_server.add("k1")
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    message = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part({'sub': 'ada', 'exp': soon()})}"
    mac = hmac.digest(pem, message.encode(), hashlib.sha256)
    forged = f"{message}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    with pytest.raises(Refusal) as refusal:
        await rs_tokens.caller(f"Bearer {forged}")
    assert refusal.value.code is ErrorCode.UNAUTHENTICATED


async def test_unknown_keys_do_not_make_us_ask_again_and_again(
    key_server: KeyServer, rs_tokens: Tokens
) -> None:
    known, stranger = key_server.add("k1"), KeyServer().add("k2")
    await rs_tokens.caller(rs256(known, "k1"))

    for number in range(5):
        with pytest.raises(Refusal):
            await rs_tokens.caller(rs256(stranger, f"forged-{number}"))

    assert key_server.asked == 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)


class Clock:
    """Both of the process's clocks, as many seconds ahead as `ahead` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        monotonic, wall = time.monotonic, time.time
        monkeypatch.setattr("api.jwks.time.monotonic", lambda: monotonic() + self.ahead)
        monkeypatch.setattr("api.auth.time.time", lambda: wall() + self.ahead)


async def accepted(tokens: Tokens, authorization: str) -> bool:
    try:
        await tokens.caller(authorization)
    except Refusal:
        return False
    return True


async def test_a_withdrawn_key_is_dead_within_five_minutes(
    key_server: KeyServer, rs_tokens: Tokens, clock: Clock
) -> None:
    key = key_server.add("stolen")
    assert await accepted(rs_tokens, rs256(key, "stolen", "user-0", seconds=9000))
    del key_server.keys["stolen"]
    key_server.add("new")

    seen: list[str] = []
    for clock.ahead in range(0, 900, 10):
        fresh = rs256(key, "stolen", f"user-{clock.ahead}", seconds=9000)
        good = [one for one in [*seen, fresh] if await accepted(rs_tokens, one)]
        assert not good or clock.ahead <= 300
        seen.append(fresh)
    assert not good


async def test_when_all_keys_are_withdrawn_none_is_good(
    key_server: KeyServer, rs_tokens: Tokens, clock: Clock
) -> None:
    key = key_server.add("stolen")
    assert await accepted(rs_tokens, rs256(key, "stolen"))
    key_server.keys.clear()

    clock.ahead = 300
    with pytest.raises(Refusal) as refusal:
        await rs_tokens.caller(rs256(key, "stolen"))
    assert refusal.value.code is ErrorCode.UNAUTHENTICATED


async def test_a_key_set_that_cannot_be_had_is_believed_for_an_hour_and_not_for_ever(
    key_server: KeyServer, rs_tokens: Tokens, clock: Clock
) -> None:
    key = key_server.add("k1")
    assert await accepted(rs_tokens, rs256(key, "k1"))
    key_server.away = True

    clock.ahead = 1800
    assert await accepted(rs_tokens, rs256(key, "k1", "bob", seconds=10**7))
    clock.ahead = 3700
    with pytest.raises(Refusal) as refusal:
        await rs_tokens.caller(rs256(key, "k1", "cy", seconds=10**7))
    assert refusal.value.code is ErrorCode.UNAVAILABLE

    key_server.away = False
    clock.ahead += 10
    assert await accepted(rs_tokens, rs256(key, "k1", "dan", seconds=10**7))


@pytest.mark.parametrize("changes", [{"use": "enc"}, {"alg": "RS512"}], ids=str)
async def test_a_key_for_something_else_signs_no_tokens(
    key_server: KeyServer, rs_tokens: Tokens, changes: dict[str, str]
) -> None:
    key = key_server.add("k1")
    key_server.changes = changes

    assert not await accepted(rs_tokens, rs256(key, "k1"))


async def test_an_unreadable_key_does_not_take_the_others_along(
    key_server: KeyServer, rs_tokens: Tokens
) -> None:
    key = key_server.add("k1")
    key_server.strangers = [{"kty": "RSA"}, {"kty": "XX", "kid": "k9"}, {"kid": ["k"]}]

    assert await accepted(rs_tokens, rs256(key, "k1"))


async def test_without_any_key_the_answer_is_to_come_back(
    key_server: KeyServer, rs_tokens: Tokens
) -> None:
    key = key_server.add("k1")
    key_server.away = True

    with pytest.raises(Refusal) as refusal:
        await rs_tokens.caller(rs256(key, "k1"))
    assert refusal.value.code is ErrorCode.UNAVAILABLE
