"""How often verdicts are right, how soon they come and how honest intervals are, on simulated measurements."""
