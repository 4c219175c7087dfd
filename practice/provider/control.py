"""The switches of the practice provider's misbehaviour, and the dice behind them."""

from enum import StrEnum
from random import Random
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from practice.provider.storage import Storage

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
# Either way.
Shift = Annotated[float, Field(ge=-86_400, le=86_400)]
Days = Annotated[float, Field(ge=0, le=30 * 86_400)]


class Switches(BaseModel):
    """Each share (0 to 1) is the part of the cases that go wrong in this way.

    Of a notice, once: `duplicate`, `drop` (never sent by itself), `delay_seconds` (from, to),
    `reorder` (a later one of its trade overtakes it). At each sending: `tamper_amount`,
    `tamper_app` (both validly signed), `bad_signature`, `probe_signature` (WeChat Pay's
    SIGNTEST). Of the merchant's calls: `fail_calls` (500) and `hang_calls` (no answer), each
    before or after the call took effect; `unknown_caller` (refused without a signature, as who
    calls with a wrong number or key is); `pay_on_close`; `user_paying` (WeChat Pay's 202: the
    buyer is entering his password, nothing is closed). Of refunds: `not_enough` (the merchant's
    balance does not cover it, nothing is refunded), and WeChat Pay's `refund_abnormal`,
    `refund_closed` and `refund_seconds` (how long one takes, a bank card's are days; null: as
    the process was started). `sign_by_certificate`: WeChat Pay signs notices, and answers to
    requests that name no key, with its platform certificate instead of its public key, as for
    a merchant that is being moved from one to the other. `clock_seconds`, of all trades alone:
    so far is what it says and judges by ahead of the time. `seed` makes the draws repeatable.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    duplicate: Share = 0.0
    drop: Share = 0.0
    delay_seconds: list[Seconds] = Field(default=[0, 0], min_length=2, max_length=2)
    reorder: Share = 0.0
    tamper_amount: Share = 0.0
    tamper_app: Share = 0.0
    bad_signature: Share = 0.0
    probe_signature: Share = 0.0
    fail_calls: Share = 0.0
    hang_calls: Share = 0.0
    unknown_caller: Share = 0.0
    pay_on_close: Share = 0.0
    user_paying: Share = 0.0
    not_enough: Share = 0.0
    refund_abnormal: Share = 0.0
    refund_closed: Share = 0.0
    refund_seconds: Days | None = None
    sign_by_certificate: Share = 0.0
    clock_seconds: Shift = 0.0
    seed: int | None = None

    @model_validator(mode="after")
    def _delay_runs_upwards(self) -> Self:
        if self.delay_seconds[0] > self.delay_seconds[1]:
            raise ValueError("delay_seconds: the first must not exceed the second")
        return self


class Mishap(StrEnum):
    FAIL = "fail"
    HANG = "hang"


class Controls:
    """The switches in force: those set for a trade, over those set for all. Kept in the book."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._random = Random()  # noqa: S311
        stored = storage.rows("SELECT out_trade_no, switches FROM controls")
        self._set = {
            row["out_trade_no"]: Switches.model_validate_json(row["switches"]) for row in stored
        }
        self._reseed(self.overall())

    def overall(self) -> Switches:
        return self._set.get("", Switches())

    def of(self, out_trade_no: str) -> Switches:
        own = self._set.get(out_trade_no)
        if own is None:
            return self.overall()
        return self.overall().model_copy(update=own.model_dump(exclude_unset=True))

    def put(self, switches: Switches, out_trade_no: str = "") -> Switches:
        """Replace all switches, or those a trade has of its own."""
        self._storage.write(
            "INSERT INTO controls (out_trade_no, switches) VALUES (?, ?) "
            "ON CONFLICT DO UPDATE SET switches = excluded.switches",
            (out_trade_no, switches.model_dump_json(exclude_unset=True)),
        )
        self._set[out_trade_no] = switches
        self._reseed(switches)
        return self.of(out_trade_no)

    def happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def delay(self, switches: Switches) -> float:
        return self._random.uniform(*switches.delay_seconds)

    def duplicate_gap(self) -> float:
        """Seconds between a notice and its double: at once, or up to a second later."""
        return self._random.choice((0.0, self._random.random()))

    def mishap(self, switches: Switches) -> Mishap | None:
        if self.happens(switches.fail_calls):
            return Mishap.FAIL
        return Mishap.HANG if self.happens(switches.hang_calls) else None

    def takes_effect(self) -> bool:
        """Whether a call that gets no good answer did its work all the same."""
        return self.happens(0.5)

    def _reseed(self, switches: Switches) -> None:
        if switches.seed is not None:
            self._random.seed(switches.seed)
