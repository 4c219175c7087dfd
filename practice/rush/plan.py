"""What a rush is to be: how many buyers, how few units, and what the winners do."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Annotated, Self

import jwt
from pydantic import Field, ValidationError, field_validator, model_validator

from domain.model import Value
from domain.sale import PASS_WINDOW_SECONDS, Admission

Share = Annotated[float, Field(ge=0, le=1)]


class NoRush(Exception):
    """The rush cannot take place; nothing is proved or disproved."""


class StackAddress(Value):
    """Where the stack answers, as `stack.json` says. Without an operator token the crowd asks the
    development login for one."""

    api_url: str
    sandbox_url: str
    operator_token: str = ""

    @field_validator("operator_token")
    @classmethod
    def _still_good(cls, token: str) -> str:
        """A stack that has run for days has written down a token that is over."""
        with suppress(jwt.PyJWTError):
            claims = jwt.decode(token, options={"verify_signature": False})
            return token if claims.get("exp", math.inf) > time.time() else ""
        return token


def read_stack(file: Path) -> StackAddress:
    """The running stack's addresses. Raises NoRush when there is no such file."""
    try:
        return StackAddress.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoRush("no stack is running here: seckill up --detach") from error
    except ValidationError as error:
        raise NoRush(f"{file} names no shop and practice provider to rush") from error


class RushPlan(Value):
    """`pay` and `cancel` are shares of the winners; the others let the time run out.
    `wechat` is the share of the payers with WeChat Pay instead of Alipay, `lost_notices` the
    share of those whose notice the provider never sends. With `chaos_payments` the provider
    misbehaves in every way that leaves the buyers' own conduct to decide how an order ends.
    `seconds` is how long the crowd keeps clicking, `settle_seconds` how long afterwards the
    orders get to come to rest. `bots` is the share of accounts that click fifty times. Where buyers
    are called (`admission`), `leave` is the share of those who give their place up, and `lapse` of
    those who fetch a pass and let it lapse, the first time. `streams`: who follow by streams what
    is theirs, instead of asking again and again. `arriving`: over so many seconds they come evenly;
    0: most of them within the first."""

    buyers: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    units: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    limit: Annotated[int, Field(ge=1, le=1_000)] = 1
    pay: Share = 0.6
    cancel: Share = 0.2
    wechat: Share = 0.3
    lost_notices: Share = 0.0
    chaos_payments: bool = False
    seconds: Annotated[float, Field(gt=0)] = 8.0
    arriving: Annotated[float, Field(ge=0)] = 0.0
    pay_window: Annotated[int, Field(ge=1)] = 1_800
    settle_seconds: Annotated[float, Field(gt=0)] = 60.0
    admission: Admission = Admission.OPEN
    bots: Share = 0.0
    leave: Share = 0.0
    lapse: Share = 0.0
    streams: Share = 0.25
    pass_window: Annotated[int, Field(ge=1, le=900)] = PASS_WINDOW_SECONDS
    price: Annotated[int, Field(ge=1)] = 9_900
    seed: int = 1
    tolerant: bool = False
    connections: Annotated[int, Field(ge=1, le=10_000)] = 200
    timeout_seconds: Annotated[float, Field(gt=0)] = 10.0

    @model_validator(mode="after")
    def _shares_fit_together(self) -> Self:
        if self.pay + self.cancel > 1 + 1e-9:
            raise ValueError("pay and cancel are shares of the same winners: at most 1 together")
        return self

    @property
    def retry_seconds(self) -> float:
        """How long one request is tried again before it counts as never answered."""
        return self.settle_seconds if self.tolerant else 15.0

    def dice(self, part: str) -> Random:
        """Each part draws from its own dice, so that one more draw here changes nothing there."""
        return Random(f"{self.seed}:{part}")


def plan_on(terms: Mapping[str, float | str]) -> RushPlan:
    """The plan on these terms. Raises NoRush, with a line for a person, if they make no sense."""
    try:
        return RushPlan.model_validate(terms)
    except ValidationError as error:
        raise NoRush(
            "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
        ) from error
