"""What anybody may run to check a draw. It shares no code with the server it checks, and knows it
by what it publishes alone; `docs/draw.md` is the specification of both."""
