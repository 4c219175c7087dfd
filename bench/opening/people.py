"""Who comes to an opening: people, and accounts of bots that click fifty times each."""

from random import Random

from domain.model import Value
from domain.sale import Admission

BOTS_SHARE = 0.3
CLICKS_OF_A_BOT = 50
# Of an opening's time, so much is gone before the first person comes to a draw full of bots.
BOTS_ARE_AHEAD_FOR = 0.1


class People(Value):
    """`count` identities, by number; the first `bots` of them are bots'."""

    count: int
    bots: int
    clicks_of_a_bot: int = CLICKS_OF_A_BOT

    @classmethod
    def of(cls, count: int, clicks_of_a_bot: int = CLICKS_OF_A_BOT) -> "People":
        return cls(count=count, bots=round(BOTS_SHARE * count), clicks_of_a_bot=clicks_of_a_bot)

    def is_bot(self, number: int) -> bool:
        return number < self.bots

    def clicks(self, admission: Admission, random: Random) -> list[int]:
        """Whose click comes when. To a draw all bots come before all people, which is the worst
        there can be. To a queue nobody comes sooner than another for being a bot: who is really
        first has the first place there, and no gate can tell why."""
        moments: list[tuple[float, int]] = []
        for number in range(self.count):
            first = random.random()
            if admission is Admission.DRAW:
                ahead = BOTS_ARE_AHEAD_FOR
                first = first * ahead if self.is_bot(number) else ahead + first * (1 - ahead)
            moments.append((first, number))
            if self.is_bot(number):
                more = self.clicks_of_a_bot - 1
                moments += [(random.uniform(first, 1), number) for _ in range(more)]
        moments.sort()
        return [number for _, number in moments]
