"""One emulated machine with a kernel of its own, for what a container lacks: `make test-vm`."""
