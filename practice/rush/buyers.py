"""Who comes: buyers with their habits, and what each winner has in mind. All drawn from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from practice.rush.plan import RushPlan

TWICE_SHARE = 0.1
EARLY_SHARE = 0.03
EARLY_SECONDS = 0.6
# Most of a crowd clicks within the first second.
MEAN_DELAY_SECONDS = 0.4
DECK = 10
CLICKS_OF_A_BOT = 50


class Habit(StrEnum):
    ONCE = "once"
    TWICE_SAME_KEY = "twice_same_key"
    TWICE_WITHOUT_KEY = "twice_without_key"
    BOT = "bot"


class Intention(StrEnum):
    PAY = "pay"
    PAY_UNHEARD = "pay_unheard"
    CANCEL = "cancel"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Buyer:
    """`first_click` in seconds after the sale's start; before it, if negative."""

    user_id: str
    habit: Habit
    first_click: float
    wants: int

    @classmethod
    def draw(cls, user_id: str, plan: RushPlan, random: Random) -> "Buyer":
        habit, draw = Habit.ONCE, random.random()
        if draw < TWICE_SHARE:
            habit = Habit.TWICE_SAME_KEY
        elif draw < 2 * TWICE_SHARE:
            habit = Habit.TWICE_WITHOUT_KEY
        if random.random() < EARLY_SHARE:
            first_click = -random.uniform(0.1, EARLY_SECONDS)
        elif plan.arriving:
            first_click = random.uniform(0, plan.arriving)
        else:
            first_click = min(random.expovariate(1 / MEAN_DELAY_SECONDS), 0.9 * plan.seconds)
        return cls(user_id, habit, first_click, wants=random.randint(1, plan.limit))


def draw_buyers(plan: RushPlan, run: str, random: Random) -> list[Buyer]:
    buyers = [Buyer.draw(f"rush-{run}-{number:05d}", plan, random) for number in range(plan.buyers)]
    # They come and want as the people they pretend to be.
    for number in plan.dice("bots").sample(range(plan.buyers), round(plan.bots * plan.buyers)):
        buyers[number] = replace(buyers[number], habit=Habit.BOT)
    return buyers


def intentions(plan: RushPlan, random: Random) -> Iterator[Intention]:
    """What the winners have in mind, in the order they win: the shares hold for every run of
    winners, not only on average, so that a small rush shows every ending too."""
    unheard = plan.pay * plan.lost_notices
    shares = {
        Intention.PAY: plan.pay - unheard,
        Intention.PAY_UNHEARD: unheard,
        Intention.CANCEL: plan.cancel,
        Intention.LEAVE: max(0.0, 1 - plan.pay - plan.cancel),
    }
    owed = dict.fromkeys(Intention, 0.0)
    while True:
        deck: list[Intention] = []
        for _ in range(DECK):
            for intention, share in shares.items():
                owed[intention] += share
            next_one = max(owed, key=lambda one: owed[one])
            owed[next_one] -= 1
            deck.append(next_one)
        random.shuffle(deck)
        yield from deck
