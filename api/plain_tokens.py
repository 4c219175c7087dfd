"""A fast yes for the token nearly every click brings: HS256, with the one header that says so.

A sale's first second brings a new token with each click, and PyJWT takes longer over one than all
that follows. Nothing is refused here: of whatever is not as plain as this, PyJWT has the last word.
"""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt

# {"alg":"HS256","typ":"JWT"}, as most issuers write it.
PLAIN_HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."


class PlainTokens:
    """`issuer`, `audience`, `leeway` (seconds): as PyJWT is told them; None is not looked at."""

    def __init__(
        self, *, secret: str, issuer: str | None, audience: str | None, leeway: float
    ) -> None:
        key = _key_of(secret)
        # Keyed once: taking the key up costs more than signing so few bytes.
        self._keyed = None if key is None else hmac.new(key, digestmod="sha256")
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway

    def claims(self, token: str) -> dict[str, Any] | None:
        """What a token claims that PyJWT would let pass as well, `exp` and `sub` among it. None
        for any doubt. Raises nothing."""
        signed, _, signature = token.rpartition(".")
        if self._keyed is None or not signed.startswith(PLAIN_HEADER):
            return None
        try:
            mac = self._keyed.copy()
            mac.update(signed.encode("ascii"))
            if not hmac.compare_digest(_encoded(mac.digest()), signature.encode("ascii")):
                return None
            payload = signed[len(PLAIN_HEADER) :].encode("ascii")
            document = urlsafe_b64decode(payload + b"==")
            # The decoder passes over letters that are none, and over bits that count for nothing.
            if _encoded(document) != payload:
                return None
            # Bytes, as PyJWT has them read: of whatever encoding, and the last of two members.
            claims = json.loads(document)
        except (ValueError, RecursionError):
            return None
        return claims if type(claims) is dict and self._is_good(claims) else None

    def _is_good(self, claims: dict[str, Any]) -> bool:
        now = time.time()
        expires, issued, begins = claims.get("exp"), claims.get("iat", 0), claims.get("nbf", 0)
        # Not isinstance: true is an integer to Python. Texts and fractions PyJWT may convert.
        return (
            type(expires) is type(issued) is type(begins) is int
            and expires > now - self._leeway
            and issued <= now + self._leeway
            and begins <= now + self._leeway
            and type(claims.get("sub")) is str
            and type(claims.get("jti", "")) is str
            and (self._issuer is None or claims.get("iss") == self._issuer)
            and (self._audience is None or claims.get("aud") == self._audience)
        )


def _key_of(secret: str) -> bytes | None:
    """None for a secret PyJWT itself would not take: a public key in disguise."""
    try:
        key: bytes = jwt.get_algorithm_by_name("HS256").prepare_key(secret)
    except (jwt.PyJWTError, ValueError):
        return None
    return key


def _encoded(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
