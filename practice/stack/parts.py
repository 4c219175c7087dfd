"""The parts of a stack by name, in the order in which they start."""

SERVERS = ("postgres", "redis", "temporal", "sandbox")
APPLICATIONS = ("api", "worker")
PROCESSES = (*SERVERS, *APPLICATIONS)
EVERYTHING = frozenset(PROCESSES)
