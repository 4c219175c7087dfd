"""What the comparison finds out, out of turns and of what a sale left behind."""

import pytest

from bench.figures import BENCH, Round
from bench.peers.contender import PRODUCT, Ended
from bench.peers.report import Turn, lost_and_doubled, standings


def turn(placing: float, paying: float, others: float = 0.0) -> Turn:
    cpu = {"worker": 0.5, BENCH: 0.25}
    return Turn(
        placing=Round(per_second=placing, cpu=cpu),
        paying=Round(per_second=paying, cpu=cpu),
        others=others,
    )


def test_ratios_are_to_the_product_of_the_same_round() -> None:
    # In the second round the machine was ten times slower for both.
    turns = {
        PRODUCT: [turn(100, 100), turn(10, 10, others=1.5)],
        "plain": [turn(400, 200, others=0.5), turn(40, 20, others=0.5)],
    }

    product, plain = standings(turns, {PRODUCT: 10, "plain": 250})

    assert (product.both.ratio, product.others) == (1.0, 0.75)
    assert (plain.placing.ratio, plain.paying.ratio) == (4.0, 2.0)
    assert plain.both.ratio == pytest.approx(133.33 / 50, abs=0.01)
    assert (plain.orders, plain.others) == (250, 0.5)
    # Half a processor, at 133 orders a second in the one round and at 13 in the other.
    assert plain.both.cpu_ms == pytest.approx((3.75 + 37.5) / 2)


ALL_WELL = Ended(payments=9, points=9, messages=9, held=0, sold=9, reservations_held=0)


@pytest.mark.parametrize(
    ("change", "lost", "doubled"),
    [
        ({}, 0, 0),
        ({"payments": 8}, 1, 0),
        ({"sold": 7, "held": 2}, 2, 0),
        ({"points": 10, "messages": 11}, 0, 3),
        ({"points": 8, "sold": 10}, 1, 1),
    ],
)
def test_what_is_not_there_once_is_lost_or_doubled(
    change: dict[str, int], lost: int, doubled: int
) -> None:
    ended = ALL_WELL.model_copy(update=change)

    assert lost_and_doubled(ended, 9) == (lost, doubled)
