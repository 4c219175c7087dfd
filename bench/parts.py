"""What a bench can be told to measure."""

from enum import StrEnum


class Part(StrEnum):
    POSTS = "posts"
    ORDERS = "orders"
    LATENCY = "latency"
    BACKLOG = "backlog"
    RECOVERY = "recovery"
    FROZEN = "frozen"
    STREAMS = "streams"
    OPENING = "opening"
