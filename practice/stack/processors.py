"""How the processes of the stack share one machine's processors."""

import os

# Temporal writes one SQLite file, and the SDK serves one Python thread: threads beyond these look
# for work that is not there, and took a third of what a workflow costs from everybody else.
HALF_OF_THE_PROCESSORS = str(max(1, (os.cpu_count() or 2) // 2))
