"""What the comparison leaves out: printed below it, so that no figure travels without it."""

LEAVES_OUT = (
    "The product does more for an order: events, stock movements, a ledger, three deliveries, an"
    " entitlement, an account's balance, and search; the peers write seven rows.",
    "Its buyers ask to pay between the two stages. The peers have no such step, and it is not in"
    " the figures.",
    "Nobody is as durable as another: Temporal's development server writes SQLite without fsync at"
    " a commit (kill -9 loses nothing, a power cut may); DBOS commits each step to Postgres;"
    " Restate writes its log first; the plain consumer is as durable as Redis and Postgres are.",
    "One machine, one worker process each, one item. More processes, more cores and a dead machine"
    " are not measured: DBOS recovers only what its own executor had; the peers' consumer has a"
    " fixed name, which comes back quickly and allows one process.",
    "The peers have no refunds, late payments, cancellations, audit, or buyers' pages. Their"
    " release after 30 minutes is written and not measured.",
    "Notices of money come without HTTP and signatures, for everybody. Who sends them is load and"
    " not in the CPU of the servers; the plain consumer takes them itself.",
    "The seconds after a kill count from the start of the next worker, which the test starts:"
    " nobody here starts one by itself. They contain the start of that process.",
    "Not compared: Inngest and Hatchet, whose engines come by no package registry; Temporal on a"
    " cluster of its own.",
)
