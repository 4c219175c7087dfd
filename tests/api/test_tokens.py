"""Who is calling is proved by a token, and by nothing less."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.auth import Tokens
from api.jwks import KeySet
from domain.errors import ErrorCode, Refusal
from tests.api.conftest import SECRET, token
from tests.support.buyers import assert_problem, gate_path
from tests.support.gate import stock_left
from tests.support.shop import Shop

CALLS = (("GET", "/v1/orders"), ("GET", "/v1/operator/attention"))


def signed(claims: dict[str, Any], secret: str = SECRET) -> str:
    return jwt.encode(claims, secret, algorithm="HS256")


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def soon() -> int:
    return int(time.time()) + 600


BAD_AUTHORIZATIONS: dict[str, str | None] = {
    "no header": None,
    "empty": "",
    "no token": "Bearer",
    "blank token": "Bearer  ",
    "another scheme": "Basic YWRhOmFkYQ==",
    "no JWT": "Bearer ada",
    "dots": "Bearer ..",
    "a foreign secret": f"Bearer {signed({'sub': 'ada', 'exp': soon()}, 'x' * 40)}",
    "expired": f"Bearer {signed({'sub': 'ada', 'exp': 1})}",
    "not yet valid": f"Bearer {signed({'sub': 'ada', 'exp': soon(), 'nbf': soon()})}",
    "without exp": f"Bearer {signed({'sub': 'ada'})}",
    "exp is text": f"Bearer {signed({'sub': 'ada', 'exp': 'never'})}",
    "exp is infinite": f"Bearer {signed({'sub': 'ada', 'exp': float('inf')})}",
    "without sub": f"Bearer {signed({'exp': soon()})}",
    "sub is a number": f"Bearer {part({'alg': 'HS256'})}.{part({'sub': 7, 'exp': soon()})}.x",
    "empty sub": f"Bearer {signed({'sub': '', 'exp': soon()})}",
    "long sub": f"Bearer {signed({'sub': 'a' * 129, 'exp': soon()})}",
    "newline in sub": f"Bearer {signed({'sub': chr(10) + 'ada', 'exp': soon()})}",
    "NUL in sub": f"Bearer {signed({'sub': 'ada' + chr(0), 'exp': soon()})}",
    "alg none": f"Bearer {unsigned({'sub': 'ada', 'exp': soon()})}",
    "alg None": f"Bearer {unsigned({'sub': 'ada', 'exp': soon()}, 'None')}",
    "alg HS512": "Bearer "
    + jwt.encode({"sub": "ada", "exp": soon()}, SECRET * 2, algorithm="HS512"),
    "alg is a list": f"Bearer {part({'alg': ['HS256']})}.{part({'sub': 'ada'})}.x",
    "header is a list": f"Bearer {part([1])}.{part({'sub': 'ada'})}.x",
    "too long": f"Bearer {'a' * 9000}",
}


@pytest.mark.parametrize("authorization", BAD_AUTHORIZATIONS.values(), ids=BAD_AUTHORIZATIONS)
async def test_what_proves_nobody_is_unauthenticated(
    api: httpx.AsyncClient, shop: Shop, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (*CALLS, ("POST", gate_path(shop))):
        answer = await api.request(method, path, headers=headers, json={"quantity": 1})
        assert_problem(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert await stock_left(shop.gate, shop.item.ref) == 5


async def test_a_changed_claim_breaks_the_signature(api: httpx.AsyncClient) -> None:
    header, _, signature = token("ada").split(".")
    forged = f"{header}.{part({'sub': 'ada', 'roles': ['operator'], 'exp': soon()})}.{signature}"

    answer = await api.get("/v1/operator/attention", headers={"Authorization": f"Bearer {forged}"})

    assert_problem(answer, 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("user_id", ["a", "a" * 128, "陈 静", "o'neil@example.com", "42"])
async def test_a_user_id_is_up_to_128_printable_characters(
    api: httpx.AsyncClient, user_id: str
) -> None:
    answer = await api.get("/v1/orders", headers={"Authorization": f"Bearer {token(user_id)}"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "roles", [[], ["buyer"], "operator", {"operator": True}, None, [["operator"]]]
)
async def test_operators_are_those_whose_token_says_so(
    api: httpx.AsyncClient, roles: object
) -> None:
    headers = {"Authorization": f"Bearer {token('ada', roles=roles)}"}

    assert_problem(await api.get("/v1/operator/attention", headers=headers), 403, "FORBIDDEN")


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


async def test_a_practice_login_gives_a_token_that_works(api: httpx.AsyncClient) -> None:
    body = {"user_id": "ada", "roles": ["operator"]}
    answer = await api.post("/v1/dev/tokens", json=body)

    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert (await api.get("/v1/operator/attention", headers=headers)).status_code == 200


@pytest.mark.parametrize("user_id", ["", "a" * 129, "a\nb", "a\0", None, 7])
async def test_a_practice_login_needs_a_user_id(api: httpx.AsyncClient, user_id: object) -> None:
    answer = await api.post("/v1/dev/tokens", json={"user_id": user_id, "roles": []})

    assert_problem(answer, 422, "INVALID")


class KeyServer:
    """Serves a key set; counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.asked = 0
        self.away = False

    def add(self, key_id: str) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys[key_id] = key
        return key

    async def answer(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("away")
        jwks = [
            {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id}
            for key_id, key in self.keys.items()
        ]
        return httpx.Response(200, json={"keys": jwks})


@pytest.fixture
def key_server() -> KeyServer:
    return KeyServer()


@pytest.fixture
async def rs_tokens(key_server: KeyServer) -> AsyncIterator[Tokens]:
    keys = KeySet("http://keys.test/jwks", httpx.MockTransport(key_server.answer))
    yield Tokens(secret=SECRET, keys=keys)
    await keys.aclose()


def rs256(key: rsa.RSAPrivateKey, key_id: str | None, user_id: str = "ada") -> str:
    headers = {"kid": key_id} if key_id else None
    claims = {"sub": user_id, "exp": soon()}
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


async def test_without_any_key_the_answer_is_to_come_back(
    key_server: KeyServer, rs_tokens: Tokens
) -> None:
    key = key_server.add("k1")
    key_server.away = True

    with pytest.raises(Refusal) as refusal:
        await rs_tokens.caller(rs256(key, "k1"))
    assert refusal.value.code is ErrorCode.UNAVAILABLE


async def test_the_issuer_must_be_ours_when_one_is_set() -> None:
    tokens = Tokens(secret=SECRET, issuer="shop")
    claims = {"sub": "ada", "exp": soon()}

    assert (await tokens.caller("Bearer " + signed({**claims, "iss": "shop"}))).user_id == "ada"
    for foreign in (claims, {**claims, "iss": "elsewhere"}):
        with pytest.raises(Refusal):
            await tokens.caller("Bearer " + signed(foreign))
