"""How good plans are: untrained models against trained ones, and searches against exhaustive measurement."""
