"""Where every job starts.

With `SHOAL_JOB_S3_URL` the job's files are fetched and its `launch.sh` runs; without it, the arguments are the command.
Of a multi-node job only the main node runs it; the others serve.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from . import child_node, command, crew, machines
from .addresses import addresses, own_address
from .files import fetch
from .job import Job, read_job
from .meeting import Clock
from .problems import CANNOT_RUN, NO_COMMAND, NO_FILES, NODE_LOST, JobError, say
from .signals import Handover
from .slots import slots

LAUNCHER = "launch.sh"
"""The file of the job's own that starts it."""


def main(arguments: Sequence[str], variables: Mapping[str, str], clock: Clock | None = None) -> int:
    """Run a job; its exit code.

    Args:
        arguments: the command, unless the variables name files that hold it.
        variables: of the container.
        clock: time; the system's unless given.
    """
    try:
        return _run(list(arguments), variables, clock or Clock())
    except JobError as error:
        say(str(error))
        return error.code
    except OSError as error:
        say(f"{error.filename or 'the system'}: {error.strerror}")
        return CANNOT_RUN


def _run(arguments: list[str], variables: Mapping[str, str], clock: Clock) -> int:
    handover = Handover()
    job = read_job(variables)
    words = ["/bin/bash", LAUNCHER] if job.files else arguments
    if not words:
        raise JobError(NO_COMMAND, "the job has no command; submit it with one")
    job.folder.mkdir(parents=True, exist_ok=True)
    if not job.is_main:
        child_node.accept_main(job, clock)
        _bring_files(job)
        child_node.serve(job, variables, clock)
        return 0
    if job.nodes > 1:
        return _lead(job, words, variables, handover, clock)
    _bring_files(job)
    own, more = ("localhost", slots(variables)), {}
    with contextlib.suppress(OSError):  # a job of one node does without a machine file
        more = machines.open_mpi(machines.write_machine_file(job.home, [own]))
    process = command.start(words, {**more, **variables}, job.folder, handover)
    return command.wait(process, lambda _: None)


def _lead(job: Job, words: list[str], variables: Mapping[str, str], handover: Handover, clock: Clock) -> int:
    """Run the command with all nodes at hand."""
    crew.invite(job)
    _bring_files(job)
    known = addresses()
    own = own_address(known), slots(variables)
    others = crew.assemble(job, handover, clock)
    machine_file = machines.write_machine_file(
        job.home, [own, *((note.address, note.slots) for note in others.notes.values())]
    )
    reach = machines.between_nodes(link_local=any(address.is_link_local for address in known))
    more = machines.open_mpi(machine_file) | reach
    process = command.start(words, {**more, **variables}, job.folder, handover)
    code = command.wait(process, others.ended)
    others.dismiss(code)
    if others.lost:
        raise JobError(NODE_LOST, others.loss())
    return code


def _bring_files(job: Job) -> None:
    if job.files:
        fetch(job.files, job.folder)
        if not (job.folder / LAUNCHER).is_file():
            raise JobError(NO_FILES, f"{job.files} holds no {LAUNCHER}: has the job's folder been removed?")
