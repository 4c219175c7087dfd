"""Options of the benches. Imports nothing heavy: `--help` must be there at once."""

from pathlib import Path
from typing import Annotated

import typer

from bench.parts import Part
from bench.peers.names import PeerName

Rounds = Annotated[int, typer.Option(min=1, help="Each figure is the median of so many rounds.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long each round of POSTs runs.")]
Connections = Annotated[int, typer.Option(min=1, help="POSTs under way at once.")]
Orders = Annotated[int, typer.Option(min=1, help="Orders, and no-op workflows, in each round.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there, too.")
]
PeerOrders = Annotated[
    int, typer.Option("--orders", min=3, help="Orders in each round, and at a kill.")
]
Peers = Annotated[
    list[PeerName] | None,
    typer.Option("--peer", help="Just this one beside ours; may be given several times."),
]
Only = Annotated[
    list[Part] | None, typer.Option(help="Just this part; may be given several times.")
]
Rate = Annotated[float, typer.Option(min=0.1, help="Buyers a second who come at their own pace.")]
OfferedSeconds = Annotated[float, typer.Option(min=1, help="How long they come.")]
FrozenSeconds = Annotated[
    float, typer.Option(min=1, help="How long they come while Temporal stands still.")
]
Backlog = Annotated[int, typer.Option(min=3, help="Orders that are accepted at once.")]
Samples = Annotated[
    int, typer.Option(min=1, help="So many of them are paid at --rate, while the others wait.")
]
Streams = Annotated[int, typer.Option(min=2, help="Streams that are open at once.")]
PeopleCome = Annotated[
    int, typer.Option("--people", min=10, help="Accounts in one draw and one queue; 3 in 10 bots'.")
]
BotClicks = Annotated[int, typer.Option(min=1, help="Clicks of each bot's account there.")]
Variants = Annotated[
    list[str] | None,
    typer.Option(
        "--variant", metavar="NAME=ENV=VALUE,…",
        help="Measure in this environment too, in turns; may be given several times.",
    ),
]  # fmt: skip
Turns = Annotated[int, typer.Option(min=1, help="Turns of each variant, as in A B B A.")]
