"""Python's garbage collection, for processes that serve."""

import gc


def tune_garbage_collection() -> None:
    """What is alive now stays alive; scanning it again and again cost the API half of its
    throughput and the worker a tenth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
