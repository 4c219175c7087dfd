"""Ids as they come in a path: what cannot be an id is unknown, not an error."""

import re

from domain.errors import ErrorCode, Refusal
from domain.ids import NAME_PATTERN

_name = re.compile(NAME_PATTERN).fullmatch


def is_name(text: str) -> bool:
    return _name(text) is not None


def known_name(text: str) -> str:
    """Raises Refusal NOT_FOUND for what no sale, item or notice can be called."""
    if not is_name(text):
        raise Refusal(ErrorCode.NOT_FOUND)
    return text
