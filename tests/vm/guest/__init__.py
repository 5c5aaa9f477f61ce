"""What runs in the emulated machine: the node's own steps, and what the kernel says after them. Debian 12's Python."""
