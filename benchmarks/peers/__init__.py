"""Programs that are measured: each handles what waits in a queue, in its own environment, and says how long it took."""
