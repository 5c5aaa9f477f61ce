"""Every stage, one after the other; the facts go onto a disk, as JSON and a zero byte.

What a stage raises is its fact `error`, and the next one runs all the same.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from shoal_node.contract import Settings
from tests.nodes.metadata import Metadata
from tests.vm.guest.disks import foreign, scratch, volumes
from tests.vm.guest.layout import HEAD, RANGE, settings
from tests.vm.guest.nfs import nfs
from tests.vm.guest.slurm import slurm

_MAC = "02:00:00:00:00:01"
_METADATA = {
    "instance-id": "i-0000000000000000a",
    "local-ipv4": HEAD,
    "mac": _MAC,
    f"network/interfaces/macs/{_MAC}/vpc-ipv4-cidr-blocks": RANGE,
}
STAGES: tuple[Callable[[Settings], dict[str, Any]], ...] = (volumes, foreign, scratch, nfs, slurm)


def main(results: str) -> None:
    """Run the stages and write what was found."""
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d %(message)s", stream=sys.stdout)
    facts: dict[str, Any] = {}
    with Metadata(_METADATA) as metadata:
        os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.url
        for stage in STAGES:
            logging.info("stage %s", stage.__name__)
            try:
                facts[stage.__name__] = stage(settings())
            except BaseException:  # noqa: BLE001 - whatever it is, the tests outside show it
                facts[stage.__name__] = {"error": traceback.format_exc()}
    with open(results, "r+b") as disk:  # noqa: PTH123 - a block device
        disk.write(json.dumps(facts).encode() + b"\0")
        os.fsync(disk.fileno())


if __name__ == "__main__":
    main(sys.argv[1])
