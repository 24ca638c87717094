"""Does a server outlive a client that means it no good: cases made from a seed, each to be answered by a status."""
