"""The order's story so far, as an operator reads it in the Temporal UI."""

from temporalio import workflow


class Story:
    """Markdown shown as the workflow's current details; costs no history event."""

    def __init__(self, title: str) -> None:
        self._lines = [f"### {title}", ""]

    def tell(self, line: str) -> None:
        self._lines.append(f"- {workflow.now():%H:%M:%S} {line}")
        workflow.set_current_details("\n".join(self._lines))
