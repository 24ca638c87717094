"""How often verdicts are right, how soon they come and how well intervals cover, on simulated measurements."""
