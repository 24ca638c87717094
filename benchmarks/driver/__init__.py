"""How many requests a load client can make, and what each of them costs it."""
