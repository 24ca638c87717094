"""Two results of a million requests a side: what reading, judging and summarising them takes."""
