import subprocess
import sys

import pytest

ASK = """
import gc
from infra.garbage import tune_garbage_collection
tune_garbage_collection()
print(gc.get_freeze_count() > 0, gc.get_threshold()[0])
"""


@pytest.mark.servers
def test_what_is_alive_at_the_start_is_scanned_no_more() -> None:
    """In a process of its own: this one's garbage is the business of its tests."""
    told = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, timeout=30, check=True
    )

    assert told.stdout.split() == ["True", "50000"]
