"""Other load tools, each used as documented."""
