"""`python -m tests.slurm.configuring RETIRED...`: give slurmctld the fleet's configuration, as `configure` does."""

from __future__ import annotations

import sys
from pathlib import Path

from shoal_node.controller import tell_controller, write_configuration
from shoal_node.fleet import FLEET_FILE, Fleet
from shoal_node.shell import NodeError
from shoal_node.slurm.placeholders import keep_placeholders
from tests.slurm.scheduler import place

if __name__ == "__main__":
    fleet = Fleet.from_json(Path(FLEET_FILE).read_text())
    try:
        effect = write_configuration(fleet, place(), sys.argv[1:])
        sys.stdout.write(f"{effect.name}\n")
        tell_controller(effect)
    except NodeError as error:
        sys.exit(str(error))
    keep_placeholders(fleet)
