"""What all bodies and views are made of."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from domain.ids import MAX_USER_ID_LENGTH, NAME_PATTERN, is_user_id
from domain.money import MAX_PAYMENT

# No control characters: they mean nothing to a person, and Postgres refuses NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
DAY_SECONDS = 86_400
# Within these any clock can show a moment, in any zone, and so can both providers' wires.
EARLIEST, END_OF_TIME = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_RFC_3339_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def trimmed(text: str) -> str:
    """Without the blanks and the invisible signs around it: what is cut off later, at a provider's
    length, is then never all that could be seen."""
    categories = map(unicodedata.category, text)
    # Not separators, and not what only steers how others are written: zero-width, right-to-left.
    seen = [at for at, category in enumerate(categories) if category[0] != "Z" and category != "Cf"]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def _says_something(text: str) -> str:
    # Alipay refuses some punctuation in titles and so do banks in reasons, each other signs: what
    # holds a letter, a digit or a picture keeps it everywhere.
    if not any(
        category[0] in "LN" or category == "So" for category in map(unicodedata.category, text)
    ):
        raise ValueError("a letter, a digit or a picture is needed")
    return trimmed(text)


def _written(as_in: re.Pattern[str], wish: str) -> BeforeValidator:
    """Pydantic would also take seconds since 1970, and a date for its midnight."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not as_in.fullmatch(value):
            raise ValueError(wish)
        return value

    return BeforeValidator(check)


def _in_range(moment: datetime) -> datetime:
    # Compared, not converted: near the ends of the calendar a conversion would overflow.
    if not EARLIEST <= moment < END_OF_TIME:
        raise ValueError(f"a time from {EARLIEST.year} to {END_OF_TIME.year - 1} is needed")
    return moment


def _user_id(text: str) -> str:
    if not is_user_id(text):
        raise ValueError(f"1 to {MAX_USER_ID_LENGTH} printable characters are needed")
    return text


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE),
    AfterValidator(_says_something),
]
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=PRINTABLE),
    AfterValidator(_says_something),
]
Note = Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE), AfterValidator(trimmed)]
# As a token may hold it: points for somebody else could never be spent.
UserId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_USER_ID_LENGTH, pattern=PRINTABLE),
    AfterValidator(_user_id),
]
Moment = Annotated[
    AwareDatetime,
    _written(_RFC_3339, "a time as in RFC 3339 is needed, such as 2026-11-11T10:00:00Z"),
    AfterValidator(_in_range),
]
Day = Annotated[
    date, _written(_RFC_3339_DATE, "a day as in RFC 3339 is needed, such as 2026-11-11")
]
# Of money in minor units or of points: what one payment can carry.
Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_PAYMENT)]


class Body(BaseModel):
    """A member nobody knows is refused: misspelt, it would else be taken for left out, and what is
    left out may mean `all`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def such_as(**example: Any) -> ConfigDict:
    """For a body: the example that the OpenAPI document shows of it."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReasonBody(Body):
    model_config = such_as(reason="the buyer called")

    reason: Note = Field(default="", description="why, for whoever reads the order's events")


class DecisionBody(Body):
    """What is decided is put on record, and so needs a reason."""

    model_config = such_as(reason="seen to, by telephone")

    reason: Reason
