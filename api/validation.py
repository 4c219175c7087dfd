"""What is wrong with a request, in words for people. Never what was sent: that may be huge, secret,
or no JSON at all (NaN)."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.schemas.model import PRINTABLE
from domain.ids import NAME_PATTERN

MAX_ERRORS = 20
MAX_TEXT = 200
# As a header or an address can carry them.
NO_BLANKS, ASCII = r"^[!-~]+$", r"^[ -~]+$"

_PATTERNS = {
    PRINTABLE: "control characters are not allowed",
    NAME_PATTERN: "1 to 64 letters, digits, hyphens and underscores are needed",
    NO_BLANKS: "printable ASCII characters without blanks are needed",
    ASCII: "printable ASCII characters are needed",
}
_WORDS = {
    "extra_forbidden": "there is no such member",
    "json_invalid": "this is not JSON",
    "missing": "this is needed",
}


def validation_errors(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, object]]:
    return [
        {
            "loc": [part if isinstance(part, int) else str(part)[:MAX_TEXT] for part in e["loc"]],
            "msg": _in_words(e)[:MAX_TEXT],
            "type": e["type"],
        }
        for e in list(errors)[:MAX_ERRORS]
    ]


def _in_words(error: Mapping[str, Any]) -> str:
    said = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(error["ctx"]["pattern"], said)
    return _WORDS.get(error["type"], said)
