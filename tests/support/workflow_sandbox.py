"""Temporal's sandbox, in which the tests run our workflows: what is not deterministic fails there.

Workflow modules are imported anew for each workflow, so that no module may keep state; what they
import from below holds none.
"""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "domain", "infra", "notices", "activities", "sqlalchemy", "redis", "structlog"
    )
)
