"""The AWS of `make run` and of the tests: MiniStack, and what it lacks."""
