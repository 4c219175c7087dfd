"""What all bodies and views are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.ids import NAME_PATTERN

# No control characters: they mean nothing to a person, and Postgres refuses NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
DAY_SECONDS = 86_400
MAX_MONEY = 10**12

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE)]
Note = Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PRINTABLE)]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True)


class View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReasonBody(Body):
    reason: Note = ""


class DecisionBody(Body):
    """What is decided is put on record, and so needs a reason."""

    reason: Annotated[Note, Field(min_length=1)]
