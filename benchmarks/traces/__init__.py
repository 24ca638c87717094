"""Small versions of recorded runs of equal models, for tests that replay them."""
