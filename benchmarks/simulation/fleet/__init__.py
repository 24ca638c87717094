"""Error rates of whole fleets, over simulated measurements with known truth."""
