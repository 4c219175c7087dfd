"""The shop whose workflows are told of notices."""

from tests.workflows.conftest import shop

__all__ = ["shop"]
