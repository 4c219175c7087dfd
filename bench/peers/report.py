"""What the comparison finds out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median

from bench.figures import Figure, Round, figure
from bench.orders import one_after_another
from bench.peers.contender import PRODUCT, Ended
from domain.model import Value

PLACING = "click → waits for payment"
PAYING = "money → paid"
BOTH = "both"


class PeersPlan(Value):
    """`orders` of an engine in each round, and when its worker is killed."""

    rounds: int = 3
    orders: int = 240


class Turn(Value):
    """One contender's part of a round. `others`: processors that everybody took who is neither
    its server nor the load."""

    placing: Round
    paying: Round
    others: float


class Standing(Value):
    """One contender's figures. Their ratios are to the product's in the same rounds."""

    name: str
    orders: int
    placing: Figure
    paying: Figure
    both: Figure
    others: float


class Survival(Value):
    """A worker died by kill -9 in the middle of placing, and another in the middle of paying.

    The seconds count from the start of the next worker, which took part in them; None: not within
    a minute. `unacknowledged`: notices that nobody took and whose orders were not paid without
    being told again. `lost` and `doubled` count orders, and rows and units beyond one each.
    """

    name: str
    orders: int
    placed_at_kill: int
    paid_at_kill: int
    placing_back_seconds: float | None
    paying_back_seconds: float | None
    unacknowledged: int
    lost: int
    doubled: int
    left_behind: int


class PeersReport(Value):
    """`load`: the machine's average at the beginning and at the end. `missing`: peers that could
    not be installed or started, and why."""

    plan: PeersPlan
    began: datetime
    ended: datetime
    load: tuple[float, float]
    processors: int
    standings: tuple[Standing, ...]
    survivals: tuple[Survival, ...]
    missing: tuple[str, ...]
    leaves_out: tuple[str, ...]


def standings(
    turns: Mapping[str, Sequence[Turn]], orders: Mapping[str, int]
) -> tuple[Standing, ...]:
    """Of all contenders, whose turns come round by round. `orders`: how many each
    had in each of them."""
    product = turns[PRODUCT]

    def of(name: str, mine: Sequence[Turn]) -> Standing:
        return Standing(
            name=name,
            orders=orders[name],
            placing=figure(PLACING, [t.placing for t in mine], [t.placing for t in product]),
            paying=figure(PAYING, [t.paying for t in mine], [t.paying for t in product]),
            both=figure(BOTH, [_both(t) for t in mine], [_both(t) for t in product]),
            others=median(t.others for t in mine),
        )

    return tuple(of(name, mine) for name, mine in turns.items())


def lost_and_doubled(ended: Ended, orders: int) -> tuple[int, int]:
    """Of a sale whose `orders` were all to be paid, one unit each."""
    rows = (ended.payments, ended.points, ended.messages, ended.sold)
    return max(0, orders - min(rows)), sum(max(0, count - orders) for count in rows)


def _both(turn: Turn) -> Round:
    return one_after_another(turn.placing, turn.paying)
