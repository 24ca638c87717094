"""Whether a server survives a hostile client: seeded cases, each to be answered with a status."""
