"""The command line's options of a rush. Imports nothing heavy: `--help` must be there at once."""

from pathlib import Path
from typing import Annotated

import typer

Buyers = Annotated[int, typer.Option(min=1, help="How many people come.")]
Units = Annotated[int, typer.Option(min=1, help="How many units there are.")]
Limit = Annotated[int, typer.Option(min=1, help="Units one buyer may have.")]
Pay = Annotated[float, typer.Option(min=0, max=1, help="Share of the winners who pay.")]
Cancel = Annotated[
    float, typer.Option(min=0, max=1, help="Share who cancel; all others let the time run out.")
]
Wechat = Annotated[
    float, typer.Option(min=0, max=1, help="Share who pay with WeChat Pay instead of Alipay.")
]
LostNotices = Annotated[
    float, typer.Option(min=0, max=1, help="Share of the payments the shop is never told of.")
]
ChaosPayments = Annotated[
    bool,
    typer.Option(
        "--chaos-payments",
        help="The provider loses, repeats, delays and falsifies notices, and fails calls.",
    ),
]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long the crowd clicks.")]
PayWindow = Annotated[int, typer.Option(min=1, help="Seconds a winner has to pay.")]
Settle = Annotated[float, typer.Option(min=1, help="Seconds the orders get to come to rest.")]
Seed = Annotated[int, typer.Option(help="The same seed draws the same crowd.")]
Tolerant = Annotated[
    bool, typer.Option("--tolerant", help="Outlast outages: ask again until --settle is over.")
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the report there, too.")
]
