"""Two results of a million requests a side: the cost of reading, judging and summarising them."""
