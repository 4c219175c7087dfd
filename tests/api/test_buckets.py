"""How often somebody may, on a clock of the test's own."""

from api.buckets import BURST_SECONDS, Buckets


class World:
    def __init__(self, per_second: float, most_keys: int = 100) -> None:
        self.now = 50.0
        self.buckets = Buckets(per_second, most_keys=most_keys, clock=lambda: self.now)

    def taken(self, key: str = "ada", tries: int = 1_000) -> int:
        return sum(self.buckets.take(key) for _ in range(tries))


def test_a_full_bucket_is_a_burst_and_then_comes_drop_by_drop() -> None:
    world = World(10)

    assert world.taken() == 10 * BURST_SECONDS
    world.now += 0.35
    assert world.taken() == 3
    # Asking in vain costs nothing.
    world.now += 0.1
    assert world.taken() == 1
    world.now += 3600
    assert world.taken() == 10 * BURST_SECONDS


def test_each_has_its_own() -> None:
    world = World(1)

    assert world.taken("ada") == world.taken("bob") == 5
    assert not world.buckets.take("ada")


def test_slower_than_the_burst_lets_one_at_a_time() -> None:
    world = World(0.1)

    assert world.taken() == 1
    world.now += 9.9
    assert world.taken() == 0
    world.now += 0.2
    assert world.taken() == 1


def test_nought_is_no_limit() -> None:
    assert World(0).taken() == 1_000


def test_a_crowd_of_names_fills_no_memory_and_frees_nobody_who_goes_on() -> None:
    world = World(1, most_keys=10)
    world.taken("bot")
    for number in range(1_000):
        world.buckets.take(f"invented-{number}")
        assert not world.buckets.take("bot") or number > 8

    assert len(world.buckets._full_at) + len(world.buckets._older) <= 20
