"""Calls to AWS, one module per service: the service's limits and errors, and nothing that decides."""
