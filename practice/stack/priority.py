"""Who gives way: work that nobody waits for leaves the processors to what buyers wait for."""

import os
from pathlib import Path


def give_way(pid: int, nice: int) -> list[str]:
    """Lower the priority (`nice`, 1 to 19) of the session that `pid` leads, with all threads it has
    and will have. Answers what the machine refused, for a log; it may refuse both."""
    refused = []
    try:
        # By the process alone only its first thread would be meant.
        os.setpriority(os.PRIO_PGRP, pid, nice)
    except OSError as error:
        refused.append(f"nice: {error}")
    try:
        # Linux may give each session the same share, and weigh what is nice within it only: so the
        # session itself must be nice as well.
        Path(f"/proc/{pid}/autogroup").write_text(str(nice))
    except OSError as error:
        refused.append(f"autogroup: {error}")
    return refused
