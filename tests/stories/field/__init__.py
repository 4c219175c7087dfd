"""A package, so that `package` is a scope of its own here: without this file pytest takes it for
the whole session, and the system under test goes on working on what later tests do."""
