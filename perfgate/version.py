"""The version, as written into files."""

__version__ = "0.1.0"
