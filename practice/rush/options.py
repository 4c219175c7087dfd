"""The command line's options of a rush. Imports nothing heavy: `--help` must be there at once."""

from pathlib import Path
from typing import Annotated, Literal

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
Admission = Annotated[
    Literal["open", "queue", "draw"],
    typer.Option(help="Who may order: whoever clicks; who is called, as he came, or by lot."),
]
Bots = Annotated[
    float, typer.Option(min=0, max=1, help="Share of the accounts that click fifty times.")
]
Leave = Annotated[
    float, typer.Option(min=0, max=1, help="Share who give their place in the room up.")
]
Lapse = Annotated[
    float, typer.Option(min=0, max=1, help="Share of those called who let their pass lapse, once.")
]
PassWindow = Annotated[int, typer.Option(min=1, max=900, help="Seconds a pass is good.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the report there, too.")
]
