"""How often `perfgate explain` names the true cause, and `changed_ops_ms` finds half a percent."""
