"""How a command ends that cannot do its work: with one line, which says why."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import UnusableSetting


@contextmanager
def in_one_line(*expected: type[Exception]) -> Iterator[None]:
    """What is expected to go wrong, and settings of no use, end the process with exit code 1 and
    their message on standard error, without a trace."""
    known: tuple[type[Exception], ...] = (UnusableSetting, *expected)
    try:
        yield
    except known as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
