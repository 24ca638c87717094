"""The cost of observing processes."""
