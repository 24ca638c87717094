"""How often is perfgate right: known changes compared again and again beside a busy neighbour, row by row."""
