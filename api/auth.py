"""Who is calling: bearer tokens, verified once and remembered for a while."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jwt

from api.jwks import KeySet
from api.plain_tokens import PlainTokens
from domain.actors import buyer, operator
from domain.errors import ErrorCode, Refusal
from domain.ids import is_user_id

OPERATOR = "operator"
_NO_CLAIMS: frozenset[str] = frozenset()
MAX_TOKEN_LENGTH = 8192
# Together with `jwks.REFRESH_SECONDS` below five minutes: after that a withdrawn key is dead.
REMEMBER_SECONDS = 90.0
REMEMBERED_TOKENS = 20_000
DEV_TOKEN_SECONDS = 12 * 3600
# Two machines' clocks are never quite the same: `iat`, `nbf` and `exp` are read with some give.
LEEWAY_SECONDS = 30.0
# RFC 7518, 3.2: a key shorter than the hash can be guessed from one token.
MIN_SECRET_BYTES = 32
ANY_AUDIENCE = "*"


# A token is written by a stranger: whatever reading it raises is the stranger's fault, not ours.
_UNREADABLE = (
    jwt.PyJWTError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class Caller(NamedTuple):
    """`claims`: what else the token says is true."""

    user_id: str
    roles: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()

    @property
    def is_operator(self) -> bool:
        return OPERATOR in self.roles

    @property
    def actor(self) -> str:
        """The caller's name in an order's timeline."""
        return operator(self.user_id) if self.is_operator else buyer(self.user_id)


class Session(NamedTuple):
    """A caller, and until when his token holds, in seconds since 1970."""

    caller: Caller
    expires_at: float


def only(authorizations: Sequence[str]) -> str | None:
    """Two credentials are none: who checks one and who acts on the other may not be the same."""
    return authorizations[0] if len(authorizations) == 1 else None


class Tokens:
    """HS256 by our secret, RS256 by a key set: each algorithm has its own kind of key, so that a
    public key can never pass for a secret."""

    def __init__(
        self, *, secret: str, keys: KeySet | None = None, issuer: str = "", audience: str = ""
    ) -> None:
        """With an `audience` a token must name it; with none, or with `*`, nobody looks."""
        self._secret = secret
        self._keys = keys
        self._issuer = issuer or None
        self._audience = None if audience == ANY_AUDIENCE else audience or None
        self._options: Any = {
            "require": ["exp", "sub"],
            "verify_aud": self._audience is not None,
        }
        self._plain = PlainTokens(
            secret=secret, issuer=self._issuer, audience=self._audience, leeway=LEEWAY_SECONDS
        )
        self._remembered: OrderedDict[str, tuple[Caller, float, float]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """The caller an Authorization header proves. Raises Refusal UNAUTHENTICATED."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(ErrorCode.UNAUTHENTICATED, "send Authorization: Bearer <token>")
        known = self._remembered.get(token)
        if known and time.time() < known[1]:
            return known[0]
        return (await self._verify(token.strip())).caller

    async def session(self, authorization: str | None) -> Session:
        """The same for what outlasts an answer. Raises Refusal UNAUTHENTICATED."""
        caller = await self.caller(authorization)
        token = (authorization or "").partition(" ")[2]
        known = self._remembered.get(token)
        return Session(caller, known[2]) if known else await self._verify(token.strip())

    def issue(self, user_id: str, roles: list[str]) -> str:
        """A token of our own, for practice and tests."""
        now = int(time.time())
        claims = {"sub": user_id, "roles": roles, "iat": now, "exp": now + DEV_TOKEN_SECONDS}
        if self._issuer:
            claims["iss"] = self._issuer
        if self._audience:
            claims["aud"] = self._audience
        return jwt.encode(claims, self._secret, algorithm="HS256")

    async def _verify(self, token: str) -> Session:
        if len(token) > MAX_TOKEN_LENGTH:
            raise Refusal(ErrorCode.UNAUTHENTICATED, "the token is too long")
        try:
            claims = self._plain.claims(token) or await self._decode(token)
            caller, expires_at = _caller_of(claims), float(claims["exp"])
        except jwt.ExpiredSignatureError as error:
            raise Refusal(ErrorCode.UNAUTHENTICATED, "the token has expired") from error
        except _UNREADABLE as error:
            raise Refusal(ErrorCode.UNAUTHENTICATED, "the token is not valid") from error
        until = min(expires_at + LEEWAY_SECONDS, time.time() + REMEMBER_SECONDS)
        self._remembered[token] = (caller, until, expires_at)
        if len(self._remembered) > REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)
        return Session(caller, expires_at)

    async def _decode(self, token: str) -> dict[str, Any]:
        header = _header(token.partition(".")[0])
        key: Any
        if header.get("alg") == "HS256" and self._secret:
            algorithm, key = "HS256", self._secret
        elif header.get("alg") == "RS256" and self._keys:
            algorithm, key = "RS256", await self._keys.key(header.get("kid"))
        else:
            raise jwt.InvalidAlgorithmError
        if key is None:
            raise jwt.InvalidKeyError
        return jwt.decode(
            token,
            key,
            [algorithm],
            self._options,
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
        )


# All tokens of one issuer and key begin alike, and every buyer's first click brings a new one.
@lru_cache(maxsize=64)
def _header(encoded: str) -> dict[str, Any]:
    return jwt.get_unverified_header(f"{encoded}..")


def _caller_of(claims: dict[str, Any]) -> Caller:
    user_id, roles = claims["sub"], claims.get("roles")
    if not is_user_id(user_id):
        raise ValueError("sub must be 1 to 128 printable characters")
    names = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    true = [name for name, value in claims.items() if value is True]
    return Caller(user_id, frozenset(names), frozenset(true) if true else _NO_CLAIMS)
