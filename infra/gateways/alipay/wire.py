"""Alipay's wire: what is signed, and how an answer is opened.

Source: Alipay open platform, "self-implemented signing and verification" (RSA2).
"""

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from infra.gateways.rsa import sign, verifies
from infra.gateways.wire import unverified

_UNSIGNED = (b"sign", b"sign_type")
_PUNCTUATION = re.compile(r"\s*([,:{}])\s*")
_PAIR = re.compile(rb"([!-~]+?)=([!-~]*)")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_DECODER = json.JSONDecoder()


class BadAnswer(Exception):
    """An answer that cannot be read or was not signed by Alipay."""


def signed_text(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """What Alipay signs: decoded pairs sorted by name. Bytes, so that any charset verifies."""
    return b"&".join(name + b"=" + value for name, value in sorted(pairs))


def signed(parameters: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    """The request's parameters with their signature. A request signs `sign_type` as well."""
    text = signed_text((name.encode(), value.encode()) for name, value in parameters.items())
    return {**parameters, "sign": sign(key, text)}


def notice_verifies(pairs: Mapping[bytes, bytes], key: RSAPublicKey) -> bool:
    """A notice (and the return page) leaves `sign` and `sign_type` out of what is signed."""
    if pairs.get(b"sign_type") != b"RSA2":
        return False
    text = signed_text(pair for pair in pairs.items() if pair[0] not in _UNSIGNED)
    return verifies(key, text, pairs.get(b"sign", b"").decode("latin-1"))


def form_pairs(body: bytes) -> dict[bytes, bytes]:
    """The decoded pairs of a form. Raises ValueError for what is no form or names one twice:
    which of two values was signed must not be a matter of the reader."""
    pairs: dict[bytes, bytes] = {}
    for part in body.split(b"&"):
        match = _PAIR.fullmatch(part)
        if match is None or _BROKEN_ESCAPE.search(part):
            raise ValueError("not a form")
        name, value = (unquote_to_bytes(text.replace(b"+", b" ")) for text in match.groups())
        if name in pairs:
            raise ValueError("a parameter twice")
        pairs[name] = value
    return pairs


def open_answer(body: bytes, method: str, key: RSAPublicKey) -> str:
    """The JSON text of an API answer, verified over the node's exact characters: parsing and
    writing it again would change escapes and order. Raises BadAnswer."""
    try:
        members = _members(body.decode("utf-8"))
        signature = json.loads(members.get("sign", '""'))
    except (ValueError, RecursionError) as error:
        raise BadAnswer("unreadable answer") from error
    node = members.get(f"{method.replace('.', '_')}_response")
    if node is None:
        raise BadAnswer(f"no answer node{_said(members.get('error_response', ''))}")
    if not isinstance(signature, str) or not verifies(key, node.encode(), signature):
        # The platform cannot sign for an application it does not know.
        raise BadAnswer(f"answer without a right signature{_said(node)}")
    return node


def _said(node: str) -> str:
    """The code in a node that nobody signed, to be quoted."""
    try:
        outcome = json.loads(node)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(outcome, dict):
        return ""
    return unverified(outcome.get("sub_code") or outcome.get("code"))


def _members(text: str) -> dict[str, str]:
    """Name -> exact text of the value, for each member of a JSON object."""
    members: dict[str, str] = {}
    mark, position = _punctuation(text, 0, "{")
    while mark != "}":
        name, position = _DECODER.raw_decode(text, position)
        _, position = _punctuation(text, position, ":")
        _, end = _DECODER.raw_decode(text, position)
        if not isinstance(name, str) or name in members:
            raise ValueError("a member twice")
        members[name] = text[position:end]
        mark, position = _punctuation(text, end, ",}")
    return members


def _punctuation(text: str, position: int, allowed: str) -> tuple[str, int]:
    match = _PUNCTUATION.match(text, position)
    if match is None or match[1] not in allowed:
        raise ValueError("not a JSON object")
    return match[1], match.end()
