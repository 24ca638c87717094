"""The main path: open, prepare, measure block by block, judge, assemble, publish."""
