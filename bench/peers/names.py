"""The peers by name. Apart from the others, because `--help` needs it and nothing else."""

from enum import StrEnum


class PeerName(StrEnum):
    PLAIN = "plain"
    DBOS = "dbos"
    RESTATE = "restate"
