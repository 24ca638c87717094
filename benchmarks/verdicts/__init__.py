"""How often is perfgate right: the same comparison again and again beside a busy neighbour."""
