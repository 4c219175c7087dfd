import typer

from verifying.cli import verify_draw

typer.run(verify_draw)
