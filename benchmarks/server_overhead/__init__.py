"""A server's overhead over the model's own call: time and CPU time of a request, and their breakdown."""
