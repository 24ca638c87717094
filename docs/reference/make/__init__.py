"""The reference pages, generated from the code that they describe."""
