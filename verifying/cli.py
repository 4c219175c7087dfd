"""The command that checks a draw: `seckill verify-draw`, or `python -m verifying`."""

from pathlib import Path
from typing import Annotated

import typer

from verifying.draw import (
    Published,
    Unreadable,
    faults_of,
    hash_in,
    leaf_in,
    line_of,
    recomputed_places,
)

PROVED, REFUTED, UNDECIDED = 0, 1, 2


def verify_draw(
    sale: Annotated[str, typer.Argument(help="The sale's id.")],
    sku: Annotated[str, typer.Argument(help="The item's SKU.")],
    api: Annotated[
        str, typer.Option(help="Where the API is.", envvar="SECKILL_PUBLIC_URL")
    ] = "http://127.0.0.1:8000",
    room: Annotated[
        Path | None, typer.Option(help="The saved answer of …/room, instead of the API.")
    ] = None,
    leaves: Annotated[Path | None, typer.Option("--list", help="That of …/room/list.")] = None,
    places: Annotated[Path | None, typer.Option(help="That of …/room/places.")] = None,
    commitment: Annotated[
        str | None, typer.Option(help="The commitment you wrote down before the pool ended.")
    ] = None,
    ticket: Annotated[
        str | None, typer.Option(help="Your ticket, or its leaf: prints its place.")
    ] = None,
) -> None:
    """Work a draw out again from what was published, and say whether every place is right.

    Exit code 0 if all fits, 1 if anything does not, 2 if there is nothing to check (yet).
    """
    # Whoever asks for help only need not wait for an HTTP client.
    from verifying.sources import NotAnswered, NotDrawn, from_api, from_files

    if (room is None) != (leaves is None) or (places and room is None):
        raise typer.BadParameter("files are given as --room and --list, and --places with them")
    try:
        noted = hash_in(commitment) if commitment else None
        mine = leaf_in(ticket, sale, sku) if ticket else None
        if room is not None and leaves is not None:
            published = from_files(room, leaves, places, noted)
        else:
            published = from_api(api, sale, sku, noted)
    except (NotAnswered, NotDrawn, Unreadable, OSError) as error:
        typer.echo(f"not checked: {error}", err=True)
        raise typer.Exit(UNDECIDED) from None
    faults = faults_of(published)
    if mine is not None:
        faults += _faults_of_ticket(published, mine)
    for fault in faults:
        typer.echo(f"WRONG: {fault}")
    if faults:
        raise typer.Exit(REFUTED)
    _say_what_holds(published)


def _faults_of_ticket(published: Published, leaf: bytes) -> list[str]:
    line = line_of(published, leaf)
    if line is None:
        return [f"your leaf {leaf.hex()} is not in the list"]
    place = recomputed_places(published)[line]
    typer.echo(f"your leaf is in line {line + 1} of {len(published.leaves)}; its place is {place}")
    return []


def _say_what_holds(published: Published) -> None:
    leaves = sum(leaf is not None for leaf in published.leaves)
    of = f"{leaves} leaves, digest {published.digest.hex()}"
    typer.echo(f"the draw holds: {of}")
    if published.places is None:
        typer.echo("places were not given, so none of them was compared")
    if published.noted_commitment is None:
        typer.echo("compare yourself what was committed to: " + published.commitment.hex())
    if not published.beacon:
        typer.echo("no beacon: who held the seed could have tried accounts of his own")
