"""Our own HTTP/1.1 and HTTP/2 connections compared with those made with httptools and ngh2."""
