"""Fleets measured for real: fifty models on this machine, and a cluster that loses a node."""
