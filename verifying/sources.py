"""What was published about a draw, read from the API's public addresses or from files."""

import json
from pathlib import Path
from typing import Any

import httpx

from verifying.draw import Published, Unreadable, hash_in

TIMEOUT_SECONDS = 30.0


class NotDrawn(Exception):
    """The pool has not ended, its seed is not shown yet, or the room draws no lots."""


class NotAnswered(Exception):
    """The API is away, or knows of no such room."""


def from_api(api: str, sale: str, sku: str, noted_commitment: bytes | None = None) -> Published:
    """Raises NotDrawn, Unreadable, NotAnswered."""
    room = f"{api.rstrip('/')}/v1/sales/{sale}/items/{sku}/room"
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
            texts = [
                client.get(address).raise_for_status().text
                for address in (room, f"{room}/list", f"{room}/places")
            ]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotAnswered(f"the API did not answer: {error}") from error
    return published_in(*texts, noted_commitment=noted_commitment)


def from_files(
    room: Path, leaves: Path, places: Path | None, noted_commitment: bytes | None = None
) -> Published:
    """Answers of the same addresses, as they were saved. Raises NotDrawn, Unreadable, OSError."""
    given = places.read_text() if places else None
    return published_in(
        room.read_text(), leaves.read_text(), given, noted_commitment=noted_commitment
    )


def published_in(
    room: str, leaves: str, places: str | None, *, noted_commitment: bytes | None = None
) -> Published:
    """From the three answers as they are. Raises NotDrawn, Unreadable."""
    try:
        said: dict[str, Any] = json.loads(room)
        drawn = said["seed"] is not None and said["digest"] is not None
        if not drawn:
            raise NotDrawn("the pool has not ended, or its seed is not shown yet")
        return Published(
            commitment=hash_in(said["seed_commitment"]),
            seed=hash_in(said["seed"]),
            beacon=(said.get("beacon") or "").encode(),
            digest=hash_in(said["digest"]),
            pool_size=int(said["pool_size"]),
            leaves=tuple(hash_in(line) if line else None for line in leaves.splitlines()),
            places=None if places is None else _numbers_in(places),
            noted_commitment=noted_commitment,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"what was published cannot be read: {error!r}") from error


def _numbers_in(text: str) -> tuple[int | None, ...]:
    return tuple(int(line) if line else None for line in text.splitlines())
