"""The whole life of a cluster on the embedded AWS: what `make run` shows."""
