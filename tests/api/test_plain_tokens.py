"""The fast yes for plain tokens: it never says yes where PyJWT says no."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import Any, NamedTuple

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import plain_tokens
from api.auth import LEEWAY_SECONDS, Tokens
from api.plain_tokens import PLAIN_HEADER, PlainTokens
from tests.support.callers import SECRET
from tests.support.tokens import signed, soon

LEEWAY = int(LEEWAY_SECONDS)
# Both read one clock that stands still, so that the last good second can be tried.
NOW = 1_900_000_000.5
SECOND = int(NOW)


class Expected(NamedTuple):
    issuer: str | None = None
    audience: str | None = None


class StoppedClock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(NOW, tz)


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_tokens, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setattr("jwt.api_jwt.datetime", StoppedClock)


def quickly(token: str, expected: Expected, secret: str = SECRET) -> dict[str, Any] | None:
    plain = PlainTokens(
        secret=secret, issuer=expected.issuer, audience=expected.audience, leeway=LEEWAY_SECONDS
    )
    return plain.claims(token)


def by_pyjwt(token: str, expected: Expected) -> dict[str, Any]:
    """As `Tokens` asks it. Raises whatever it raises."""
    tokens = Tokens(secret=SECRET, issuer=expected.issuer or "", audience=expected.audience or "")
    try:
        # Without a key set it waits for nothing, so that no loop is needed.
        tokens._decode(token).send(None)
    except StopIteration as done:
        claims: dict[str, Any] = done.value
        return claims
    raise AssertionError("it waits")


def sign(message: str) -> str:
    digest = hmac.digest(SECRET.encode(), message.encode(), "sha256")
    return f"{message}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def token_of(document: bytes, head: str = PLAIN_HEADER) -> str:
    return sign(head + base64.urlsafe_b64encode(document).decode().rstrip("="))


MOMENTS = st.sampled_from(
    [SECOND + shift + step for shift in (-LEEWAY, 0, LEEWAY) for step in (-1, 0, 1, 2)]
    + [SECOND + 600, 0, -1, 10**400, -(10**400)]
)
LETTERS = st.sampled_from("a7 é\n\x00\ud800\U0001f600")
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.text(LETTERS, max_size=5),
    st.sampled_from(["1900000600", " 1900000600 ", "1_900_000_600", "1900000600.5", "inf", ""]),
    st.lists(st.sampled_from(["shop", "other", 7, None]), max_size=3),
    st.dictionaries(st.text(LETTERS, max_size=2), st.integers(), max_size=1),
)
NAMES = st.sampled_from(["shop", "other", "", "sho", "shop "])
# Mostly what a token should say, so that most tokens are good but for one thing.
CLAIMS: dict[str, st.SearchStrategy[Any]] = {
    "exp": st.just(SECOND + 600) | MOMENTS | ODD,
    "iat": st.just(SECOND) | MOMENTS | ODD,
    "nbf": st.just(SECOND) | MOMENTS | ODD,
    "sub": st.just("ada") | st.text(LETTERS, max_size=3) | ODD,
    "jti": st.just("7") | ODD,
    "iss": NAMES | ODD,
    "aud": NAMES | ODD,
    "roles": st.just(["operator"]) | ODD,
}
MEMBERS = st.lists(
    st.sampled_from(sorted(CLAIMS)).flatmap(lambda name: st.tuples(st.just(name), CLAIMS[name])),
    max_size=8,
)
GOOD = [("sub", "ada"), ("exp", SECOND + 600), ("iss", "shop"), ("aud", "shop")]
# Slow only where the machine is busy.
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EXPECTED = st.builds(Expected, st.sampled_from([None, "shop"]), st.sampled_from([None, "shop"]))
ENCODINGS = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32-le", "latin-1"])


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Objects, some with a member twice, in encodings JSON may and may not have; and junk."""
    members = [*draw(st.sampled_from([GOOD, []])), *draw(MEMBERS)]
    text = draw(st.sampled_from(["{%s}", " {%s}\n", "{%s} x", "[{%s}]", "{%s", "é{%s}"]))
    whole = st.just((text % written(members)).encode(draw(ENCODINGS)))
    return draw(st.one_of(whole, whole, whole, st.binary(max_size=40)))


@st.composite
def well_spelt(draw: st.DrawFn) -> str:
    """Good but for a member or two."""
    return token_of(f"{{{written([*GOOD, *draw(MEMBERS)[:2]])}}}".encode())


@st.composite
def ill_spelt(draw: st.DrawFn) -> str:
    """Signed by us, though perhaps over odd letters; some changed afterwards."""
    payload = base64.urlsafe_b64encode(draw(documents())).decode()
    spelling: Callable[[str], str] = draw(st.sampled_from(SPELLINGS))
    head = draw(st.sampled_from([PLAIN_HEADER] * 6 + OTHER_HEADERS))
    token = sign(head + spelling(payload))
    if draw(st.integers(0, 3)):
        return token
    place = draw(st.integers(0, len(token)))
    patch = draw(st.text("abAB01-_=.+/ \n\x00é", max_size=2))
    return token[:place] + patch + token[place + draw(st.integers(0, 2)) :]


def written(members: list[tuple[str, Any]]) -> str:
    return ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in members)


SPELLINGS: list[Callable[[str], str]] = [
    *[lambda text: text.rstrip("=")] * 3,
    lambda text: text,
    lambda text: text + "=",
    lambda text: text.rstrip("=") + "=",
    lambda text: text.replace("_", "/").replace("-", "+").rstrip("="),
    lambda text: text[:4] + "!" + text[4:].rstrip("="),
    lambda text: text[:4] + "." + text[4:].rstrip("="),
    lambda text: text[:4] + "\n" + text[4:].rstrip("="),
    # The last letter's spare bits set: it decodes alike.
    lambda text: text.rstrip("=")[:-1] + chr(ord(text.rstrip("=")[-1:] or "A") + 1),
]


def _head(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") + "."


OTHER_HEADERS = [
    _head('{"typ":"JWT","alg":"HS256"}'),
    _head('{"alg":"HS256","typ":"JWT","b64":false}'),
    _head('{"alg":"HS256","typ":"JWT","crit":["exp"]}'),
    _head('{"alg":"none","typ":"JWT"}'),
    PLAIN_HEADER[:-1] + "=.",
    "",
]


@pytest.mark.usefixtures("stopped_clock")
class TestBesidePyJWT:
    @MANY
    @given(token=well_spelt() | ill_spelt(), expected=EXPECTED)
    def test_it_never_says_yes_where_pyjwt_says_no(self, token: str, expected: Expected) -> None:
        claims = quickly(token, expected)

        if claims is not None:
            same = by_pyjwt(token, expected)
            # As text: NaN is not equal to itself.
            assert json.dumps(claims) == json.dumps(same)

    @MANY
    @given(
        exp=MOMENTS.filter(lambda at: abs(at) < 10**20),
        iat=MOMENTS.filter(lambda at: abs(at) < 10**20),
        sub=st.text(LETTERS, min_size=1, max_size=9),
        expected=EXPECTED,
    )
    def test_of_plain_tokens_it_lets_pass_all_that_pyjwt_does(
        self, exp: int, iat: int, sub: str, expected: Expected
    ) -> None:
        claims = {"exp": exp, "iat": iat, "sub": sub, "iss": "shop", "aud": "shop"}
        token = signed(claims)

        try:
            is_good = bool(by_pyjwt(token, expected))
        except jwt.PyJWTError:
            is_good = False

        assert (quickly(token, expected) is not None) is is_good


ODD_TOKENS: dict[str, str] = {
    "exp is a fraction": token_of(b'{"sub":"ada","exp":1e11}'),
    "exp is true": token_of(b'{"sub":"ada","exp":true}'),
    "exp is text": token_of(b'{"sub":"ada","exp":"99999999999"}'),
    "exp twice": token_of(b'{"sub":"ada","exp":99999999999,"exp":1}'),
    "sub twice": token_of(b'{"sub":"ada","exp":99999999999,"sub":7}'),
    "exp of more digits than Python reads": token_of(b'{"sub":"ada","exp":%b}' % (b"9" * 5000)),
    "not UTF-8": token_of(b'{"sub":"\xff","exp":99999999999}'),
    "no object": token_of(b'[{"sub":"ada","exp":99999999999}]'),
    "deep": token_of(b"[" * 5000),
    "jti is a number": token_of(b'{"sub":"ada","exp":99999999999,"jti":7}'),
    "payload padded": sign(PLAIN_HEADER + "eyJzdWIiOiJhZGEiLCJleHAiOjk5OTk5OTk5OTk5fQ=="),
    "another header": token_of(b'{"sub":"ada","exp":99999999999}', OTHER_HEADERS[0]),
    "no ASCII": "é" + token_of(b'{"sub":"ada","exp":99999999999}'),
    "signature of no ASCII": PLAIN_HEADER + "e30.é",
    "header alone": PLAIN_HEADER,
    "nothing": "",
}


@pytest.mark.parametrize("token", ODD_TOKENS.values(), ids=ODD_TOKENS)
def test_whatever_is_odd_is_left_to_pyjwt(token: str) -> None:
    assert quickly(token, Expected()) is None


def test_a_plain_token_is_let_pass_without_pyjwt(monkeypatch: pytest.MonkeyPatch) -> None:
    token = Tokens(secret=SECRET, issuer="shop", audience="shop").issue("ada", ["operator"])
    monkeypatch.setattr(jwt, "decode", None)

    claims = quickly(token, Expected("shop", "shop"))

    assert claims is not None
    assert (claims["sub"], claims["roles"]) == ("ada", ["operator"])


async def test_tokens_ask_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(secret=SECRET)
    monkeypatch.setattr(jwt, "decode", None)

    assert (await tokens.caller("Bearer " + tokens.issue("ada", []))).user_id == "ada"


async def test_pyjwt_is_asked_whatever_it_does_not_know() -> None:
    tokens = Tokens(secret=SECRET, audience="shop")
    listed = signed({"sub": "ada", "exp": soon(), "aud": ["other", "shop"]})

    assert quickly(listed, Expected(audience="shop")) is None
    assert (await tokens.caller(f"Bearer {listed}")).user_id == "ada"


PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMFww\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize("secret", ["", PUBLIC_KEY, "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDD"])
def test_a_secret_that_pyjwt_would_not_take_lets_nobody_pass(secret: str) -> None:
    message = PLAIN_HEADER + base64.urlsafe_b64encode(b'{"sub":"a","exp":99999999999}').decode()
    digest = hmac.digest(secret.encode(), message.encode(), "sha256")
    token = f"{message}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    assert quickly(token, Expected(), secret) is None


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(ours: bytes, theirs: bytes) -> bool:
        compared.append((ours, theirs))
        return False

    monkeypatch.setattr(hmac, "compare_digest", watched)

    assert quickly(signed({"sub": "ada", "exp": soon()}), Expected()) is None
    assert len(compared) == 1
