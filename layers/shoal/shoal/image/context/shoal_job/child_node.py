"""A node that serves the main one: `mpirun` starts processes here over ssh, until the main node has done.

Its own command is never run.
"""

from __future__ import annotations

import os
import select
import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import ssh
from .addresses import addresses, own_address
from .crew import DONE, PIPE
from .job import Job
from .meeting import Clock, Note, join_meeting, main_key
from .problems import NO_NODES, NODE_LOST, JobError, say
from .slots import slots


def accept_main(job: Job, clock: Clock) -> None:
    """Wait for the main node's key, and let it log in.

    Raises:
        JobError: the main node does not appear in time, or S3 refuses something.
    """
    with tempfile.TemporaryDirectory() as notes:
        key = main_key(job, Path(notes), clock)
    (ssh.folder() / "shoal_authorized_keys").write_text(f"{key}\n")


def serve(job: Job, variables: Mapping[str, str], clock: Clock) -> None:
    """Be there for the main node until it ends.

    Raises:
        JobError: ssh does not start, the main node does not come, or it goes without a word.
    """
    place, address = ssh.folder(), own_address(addresses())
    pipe = place / PIPE
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    listening = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    public_key = ssh.make_key(place / "shoal_host_key")
    server = ssh.start_server(place, address, variables, clock.pause)
    try:
        join_meeting(job, Note(address, slots(variables), public_key))
        say(f"node {job.node} of {job.nodes} ({address}) serves the main node; the job's output is in that node's log")
        _listen(listening, job)
    finally:
        server.terminate()


def _listen(pipe: int, job: Job) -> None:
    """Read what the main node says until it says no more."""
    patience = 2 * job.patience  # the main node may have to fetch its files, and then wait for others
    ready, _, _ = select.select([pipe], [], [], patience)
    if not ready:
        raise JobError(NO_NODES, f"the main node did not come within {patience:g} s (twice SHOAL_NODES_TIMEOUT)")
    os.set_blocking(pipe, True)
    with os.fdopen(pipe, "rb") as words:
        if not words.read().endswith(DONE):
            raise JobError(NODE_LOST, "the main node was lost while the job ran")
