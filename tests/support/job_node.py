"""Start the job image's entry point as one node of a job on this machine.

What a container has of its own, and this machine does not, comes from the test: address, ssh's folder and its port. So
does how long it waits for what may happen, or may not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest.mock import patch

from shoal.image.context.shoal_job import child_node, crew, main, ssh

if __name__ == "__main__":
    with (
        patch.object(child_node, "own_address", return_value=os.environ["NODE_ADDRESS"]),
        patch.object(main, "own_address", return_value=os.environ["NODE_ADDRESS"]),
        patch.object(ssh, "folder", return_value=Path(os.environ["NODE_SSH_FOLDER"])),
        patch.object(crew, "LEAVE_SECONDS", 0.1),
        patch.object(crew, "KILL_SECONDS", float(os.environ.get("NODE_KILL_SECONDS", "10"))),
        patch.object(crew, "NOTICE_SECONDS", float(os.environ.get("NODE_NOTICE_SECONDS", "0"))),
        patch.object(ssh, "PORT", int(os.environ["NODE_SSH_PORT"])),
    ):
        sys.exit(main.main(sys.argv[1:], os.environ))
