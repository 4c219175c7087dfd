"""The task queues of an installation, each named after the one that its settings name."""


def refund_queue(task_queue: str) -> str:
    """Where refund calls wait, beside the task queue of everything else."""
    # A queue of their own, because the server keeps a whole queue below what providers allow.
    return f"{task_queue}-refunds"
