"""What a server adds to the model's own call: time and CPU time of a request, and where they go."""
