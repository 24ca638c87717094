"""What the intervals and error levels of `perfgate explain` and of `changed_ops_ms` cover, by simulation."""
