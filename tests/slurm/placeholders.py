"""`python -m tests.slurm.placeholders`: tell Slurm of the nodes that could come, as the head node's bootstrap does."""

from __future__ import annotations

from pathlib import Path

from shoal_node.fleet import FLEET_FILE, Fleet
from shoal_node.slurm.placeholders import keep_placeholders

if __name__ == "__main__":
    keep_placeholders(Fleet.from_json(Path(FLEET_FILE).read_text()))
