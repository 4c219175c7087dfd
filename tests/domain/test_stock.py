from domain.stock import MOVES_OF_AN_ORDER, SUPPLY, MovementKind


def test_units_move_for_an_order_or_come_to_the_item() -> None:
    assert sorted(MOVES_OF_AN_ORDER + SUPPLY) == sorted(MovementKind)


def test_the_words_that_are_stored_stay_what_they_were() -> None:
    assert {kind.name: kind.value for kind in MovementKind} == {
        "OPENING": "opening",
        "ADDED": "restock",
        "HOLD": "hold",
        "RELEASE": "release",
        "SELL": "sell",
        "RECLAIM": "sell_again",
        "RESTOCK": "take_back",
    }
