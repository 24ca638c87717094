"""How large the page of a long run is, and how long it takes to draw."""
