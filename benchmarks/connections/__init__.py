"""HTTP/1.1 and HTTP/2 connections of our own making beside the same made with httptools and ngh2."""
