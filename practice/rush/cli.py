"""The command `rush`. Imports nothing heavy: `--help` must be there at once."""

import typer

from practice.rush import options


def rush(
    buyers: options.Buyers = 1000,
    units: options.Units = 100,
    limit: options.Limit = 1,
    pay: options.Pay = 0.6,
    cancel: options.Cancel = 0.2,
    wechat: options.Wechat = 0.3,
    lost_notices: options.LostNotices = 0.0,
    chaos_payments: options.ChaosPayments = False,
    seconds: options.Seconds = 8.0,
    pay_window: options.PayWindow = 1800,
    settle: options.Settle = 60.0,
    admission: options.Admission = "open",
    bots: options.Bots = 0.0,
    leave: options.Leave = 0.0,
    lapse: options.Lapse = 0.0,
    pass_window: options.PassWindow = 180,
    seed: options.Seed = 1,
    tolerant: options.Tolerant = False,
    json_file: options.JsonFile = None,
) -> None:
    """Let a crowd rush a sale of the running stack, and audit what is left.

    Exit code 0 only if the audit, and all that the crowd saw, hold; 2 if there was no rush.
    """
    from practice.rush.command import show_rush
    from practice.stack.settings import EmbeddedSettings

    exit_code = show_rush(
        EmbeddedSettings().open_home().stack_file, json_file,
        buyers=buyers, units=units, limit=limit, pay=pay, cancel=cancel,
        wechat=wechat, lost_notices=lost_notices, seconds=seconds, pay_window=pay_window,
        settle_seconds=settle, seed=seed, tolerant=tolerant, chaos_payments=chaos_payments,
        admission=admission, bots=bots, leave=leave, lapse=lapse, pass_window=pass_window,
    )  # fmt: skip
    raise typer.Exit(exit_code)
