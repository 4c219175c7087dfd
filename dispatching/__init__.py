"""From an intent in Redis to an order that can be paid and a workflow that guarantees it, however
often any side goes away. Whoever comes second, placer or workflow, finds what the first has done.
"""
