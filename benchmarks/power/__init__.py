"""Which plan gives the narrowest interval in a second of wall time, and what each part of it brings."""
