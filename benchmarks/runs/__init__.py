"""How long `perfgate runs` and `perfgate export` take over many runs."""
