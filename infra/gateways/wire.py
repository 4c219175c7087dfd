"""What the providers' wires have in common: strict fields, money in yuan, times in Shanghai."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from domain.bill import SHANGHAI
from domain.money import MAX_PAYMENT, from_yuan

MAX_NOTICE_BYTES = 64 * 1024
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_YUAN = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?", re.ASCII)


class WireModel(BaseModel):
    """A message of a provider: strict, because what it says moves money."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


def yuan(text: object) -> int:
    """Fen of "88.00". Raises ValueError for all but plain digits with at most two decimals."""
    if not isinstance(text, str) or _YUAN.fullmatch(text) is None:
        raise ValueError("not an amount")
    return from_yuan(text)


def shanghai_time(text: object) -> datetime:
    """UTC of "2026-11-11 10:00:00" (perhaps with milliseconds) on a clock in Shanghai."""
    if not isinstance(text, str):
        raise ValueError("not a time")
    local = datetime.fromisoformat(text)
    if local.tzinfo is not None or not 2000 <= local.year < 3000:
        raise ValueError("not a local time")
    return local.replace(tzinfo=SHANGHAI).astimezone(UTC)


def to_shanghai(moment: datetime) -> str:
    """The wire's form, cut to the second: a deadline may come earlier, never later."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def unverified(code: object) -> str:
    """A refusal's code to be quoted where nobody signed it, or nothing. It is believed in nothing:
    it tells an operator whose keys or numbers the provider does not know."""
    known = isinstance(code, str) and _CODE.fullmatch(code)
    return f" (unverified: {code})" if known else ""


def clip(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, never half a character."""
    return text.encode()[:limit].decode(errors="ignore")


def blank_is_none(value: object) -> object:
    """Some answers write what is not there yet as an empty text."""
    return None if value == "" else value


# Numbers go into keys and rows: printable ASCII only, so no NUL and no newline gets that far.
Number = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
Fen = Annotated[int, Field(gt=0, le=MAX_PAYMENT)]
Yuan = Annotated[int, BeforeValidator(yuan), Field(gt=0, le=MAX_PAYMENT)]
ShanghaiTime = Annotated[datetime, BeforeValidator(shanghai_time)]
