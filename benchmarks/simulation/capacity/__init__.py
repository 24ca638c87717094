"""Simulated searches for a capacity: what their intervals cover, and how often equal versions are told apart."""
