"""Recorded runs of equal models made small, for tests that replay them."""
