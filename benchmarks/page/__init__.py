"""Size of a long run's page, and the time to render it."""
