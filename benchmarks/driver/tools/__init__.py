"""Other load tools, each in its documented way."""
