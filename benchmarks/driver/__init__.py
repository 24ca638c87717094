"""How many requests a load client can send, and its cost of each."""
