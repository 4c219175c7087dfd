from tests.races.fixtures import empty_stores, own_temporal, town

__all__ = ["empty_stores", "own_temporal", "town"]
