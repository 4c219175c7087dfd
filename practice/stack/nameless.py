"""A container may run us under a uid that no passwd file names."""

import os
import pwd


def has_a_name(uid: int | None = None) -> bool:
    """Whether a passwd file knows the uid, or else that of this process."""
    try:
        pwd.getpwuid(os.geteuid() if uid is None else uid)
    except KeyError:
        return False
    return True


def names_for_programs() -> dict[str, str]:
    """USER and HOME for a program that asks for them and would end without; none are needed
    where the uid has a name, and the caller's own environment goes before them."""
    return {} if has_a_name() else {"USER": f"uid{os.geteuid()}", "HOME": "/tmp"}  # noqa: S108
