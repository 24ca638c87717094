"""How often perfgate is right: known changes compared repeatedly beside a busy neighbour, row by row."""
