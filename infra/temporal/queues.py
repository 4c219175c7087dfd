"""The task queues of an installation, each named after the one that its settings name."""


def refund_queue(task_queue: str) -> str:
    """Where refund calls wait, beside the task queue of everything else."""
    # A queue of their own, because the server keeps a whole queue below what providers allow.
    return f"{task_queue}-refunds"


def sale_queue(task_queue: str) -> str:
    """Where sales are served, beside the task queue of everything else."""
    # Slots of their own: a rush of orders must not keep a sale from closing, nor the other way.
    return f"{task_queue}-sales"
