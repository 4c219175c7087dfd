"""Tokens well and badly made, byte by byte."""

import base64
import json
import time
from typing import Any

import jwt

from tests.support.callers import SECRET


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
    "alg missing": f"Bearer {part({'typ': 'JWT'})}.{part({'sub': 'ada', 'exp': soon()})}.x",
    "alg null": f"Bearer {part({'alg': None})}.{part({'sub': 'ada', 'exp': soon()})}.x",
    "kid is a number": f"Bearer {part({'alg': 'HS256', 'kid': 5})}.{part({'sub': 'ada'})}.x",
    "too long": f"Bearer {'a' * 9000}",
}
