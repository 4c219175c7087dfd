"""What buyers, operators and the provider do to one order, drawn by lot."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    ALIPAY_PAGE = "pay on Alipay's page"
    ALIPAY_QR = "pay by Alipay's code"
    WECHATPAY = "pay by WeChat Pay"
    POINTS = "pay with points"
    ABANDON = "begin a payment and leave it"
    PAY_AFTER_THE_END = "open and pay Alipay's page when the order is over"
    CANCEL = "cancel"
    REFUND = "ask for the money back"
    OPERATOR_REFUND = "an operator gives the money back"
    PARTIAL_REFUND = "an operator gives a part back"
    EXTEND = "an operator gives more time"
    RECHECK = "an operator looks again"


PAYING = (Action.ALIPAY_PAGE, Action.ALIPAY_QR, Action.WECHATPAY, Action.POINTS)


@dataclass(frozen=True)
class Step:
    """`at`: seconds after the order waits for its payment. `dawdle`: seconds from seeing the
    cashier to pressing Pay."""

    at: float
    action: Action
    dawdle: float = 0.0


@dataclass(frozen=True)
class Scenario:
    name: str
    steps: tuple[Step, ...]
    switches: dict[str, Any]
    poor: bool = False

    def __str__(self) -> str:
        steps = "; ".join(f"{s.at:.2f} {s.action} (+{s.dawdle:.2f})" for s in self.steps)
        poor = ", too few points" if self.poor else ""
        return f"{self.name}: {steps or 'nothing'}{poor}; provider: {self.switches}"


Draw = Callable[[random.Random, float], list[Step]]


def draw_scenario(chance: random.Random, window: float) -> Scenario:
    """`window`: the seconds a buyer has to pay."""
    name = chance.choice(list(_SCENARIOS))
    steps = _SCENARIOS[name](chance, window)
    # Operators act on any order, whatever its buyer does meanwhile.
    for action in (Action.EXTEND, Action.RECHECK):
        if chance.random() < 0.08:
            steps.append(Step(chance.uniform(0, window), action))
    poor = chance.random() < 0.15
    return Scenario(name, tuple(steps), _switches(chance), poor)


def _payment(chance: random.Random, at: float) -> Step:
    return Step(at, chance.choice(PAYING), chance.choice((0.0, chance.uniform(0, 1))))


def _pay(chance: random.Random, window: float) -> list[Step]:
    return [_payment(chance, chance.uniform(0, window * 1.1))]


def _pay_twice(chance: random.Random, window: float) -> list[Step]:
    first = chance.uniform(0, window)
    second = chance.choice((first, chance.uniform(0, window)))
    actions = chance.sample(PAYING, 2)
    return [
        Step(at, action, chance.uniform(0, 0.5))
        for at, action in zip((first, second), actions, strict=True)
    ]


def _pay_at_the_last_moment(chance: random.Random, window: float) -> list[Step]:
    action = chance.choice((Action.ALIPAY_QR, Action.WECHATPAY, Action.ALIPAY_PAGE))
    begun = chance.uniform(0, window / 2)
    return [Step(begun, action, window - begun + chance.uniform(-0.15, 0.15))]


def _pay_after_the_end(chance: random.Random, window: float) -> list[Step]:
    begun = chance.uniform(0, window / 2)
    return [
        Step(begun, Action.PAY_AFTER_THE_END),
        Step(begun + chance.uniform(0.1, window / 2), Action.CANCEL),
    ]


def _cancel_first(chance: random.Random, window: float) -> list[Step]:
    cancel = chance.uniform(0, window / 2)
    return [Step(cancel, Action.CANCEL), _payment(chance, cancel + chance.uniform(0, 0.3))]


def _cancel_while_paying(chance: random.Random, window: float) -> list[Step]:
    paying = _payment(chance, chance.uniform(0, window / 2))
    cancel = paying.at + paying.dawdle + chance.uniform(-0.05, 0.15)
    return [paying, Step(max(cancel, 0), Action.CANCEL)]


def _cancel_after_paying(chance: random.Random, window: float) -> list[Step]:
    paying = _payment(chance, chance.uniform(0, window / 2))
    return [paying, Step(paying.at + paying.dawdle + chance.uniform(0.2, 1), Action.CANCEL)]


def _pay_and_undo(*actions: Action) -> Draw:
    def draw(chance: random.Random, window: float) -> list[Step]:
        paying = _payment(chance, chance.uniform(0, window * 0.6))
        return [paying, *(Step(paying.at, action, chance.uniform(0, 0.5)) for action in actions)]

    return draw


_SCENARIOS: dict[str, Draw] = {
    "pays": _pay,
    "pays twice": _pay_twice,
    "pays at the last moment": _pay_at_the_last_moment,
    "pays after the end": _pay_after_the_end,
    "cancels, then pays": _cancel_first,
    "cancels while paying": _cancel_while_paying,
    "pays, then cancels": _cancel_after_paying,
    "does nothing": lambda _, __: [],
    "walks away from the cashier": lambda chance, window: [
        Step(chance.uniform(0, window), Action.ABANDON)
    ],
    "pays and wants it back": _pay_and_undo(Action.REFUND),
    "pays and is refunded": _pay_and_undo(Action.OPERATOR_REFUND),
    "pays and is refunded in part": _pay_and_undo(Action.PARTIAL_REFUND),
    "is refunded from two sides": _pay_and_undo(Action.REFUND, Action.OPERATOR_REFUND),
    "is refunded in part, then whole": _pay_and_undo(Action.PARTIAL_REFUND, Action.REFUND),
}


def _switches(chance: random.Random) -> dict[str, Any]:
    """Of what is done at each sending, shares below one: a provider tries again."""
    likely: dict[str, tuple[float, Any]] = {
        "duplicate": (0.3, 1.0),
        "drop": (0.2, 1.0),
        "delay_seconds": (0.3, [0.0, round(chance.uniform(0.1, 3), 2)]),
        "reorder": (0.2, 1.0),
        "tamper_amount": (0.15, 0.5),
        "tamper_app": (0.15, 0.5),
        "bad_signature": (0.15, 0.5),
        "pay_on_close": (0.15, 1.0),
        "fail_calls": (0.1, 0.15),
    }
    return {name: how for name, (share, how) in likely.items() if chance.random() < share}
