from infra.redis.item_tally import tally_from

LINES = ["held 1 10 ada", "sold 2 20 ada", "released 5 30 ada", "held 1 40 bob"]


def test_books_that_agree_leave_nobody_miscounted() -> None:
    tally = tally_from("6", LINES, {"ada": "3 A B", "bob": "1 D"})

    assert (tally.stock, tally.live_units) == (6, 4)
    assert tally.miscounted == {}


def test_who_is_counted_otherwise_than_he_reserved_is_named_with_both_counts() -> None:
    tally = tally_from("6", LINES, {"ada": "2 A", "carol": "1 X"})

    assert tally.miscounted == {"ada": (2, 3), "bob": (0, 1), "carol": (1, 0)}


def test_an_item_redis_does_not_know_has_no_stock() -> None:
    tally = tally_from(None, [], {})

    assert (tally.stock, tally.live_units, tally.miscounted) == (None, 0, {})
