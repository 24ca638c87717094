"""Simulated searches of `perfgate plan --scale`."""
