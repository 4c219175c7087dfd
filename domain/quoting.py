"""Words of others, where an operator reads them among ours."""

_TICK = "`"


def quoted(text: str) -> str:
    """`text` as Markdown that shows it and does nothing else: no link, no picture, no heading,
    one line."""
    # A code span, because Markdown makes links even of escaped addresses; it ends at a backtick.
    words = " ".join(text.replace(_TICK, "'").split())
    return f"{_TICK}{words}{_TICK}" if words else ""
