"""The main node's side of a multi-node job: it waits for the other nodes, and knows whether each is still there.

It keeps an ssh session open to every other node for as long as the job runs. When a node goes, its session ends, and so
the main node knows; when the main node goes, the sessions end, and so the others know.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from . import ssh
from .files import start_removing
from .job import Job
from .meeting import Clock, Note, gather, open_meeting
from .problems import say
from .signals import Handover

HELLO = b"hello\n"
DONE = b"done\n"
"""The last word to the other nodes: the job has ended, well or badly."""
PIPE = "shoal_main"
"""Where a node hears the main node, among its user's ssh files."""
LEAVE_SECONDS = 2.0
"""What a command has to notice by itself that a node was lost, as `mpirun` does, and to end."""
KILL_SECONDS = 10.0
"""What it has after SIGTERM."""
GOODBYE_SECONDS = 5.0
NOTICE_SECONDS = 1.0
"""How much later than `mpirun` the main node may learn that a node was lost."""
_STEP = 0.05


def invite(job: Job) -> None:
    """Make the key by which this node logs in to the others, and tell them.

    Raises:
        JobError: the key cannot be made, or S3 refuses it.
    """
    open_meeting(job, ssh.make_key(ssh.folder() / "shoal_key"))


def assemble(job: Job, handover: Handover, clock: Clock) -> Crew:
    """Wait for every other node, and open a session to each.

    Raises:
        JobError: a node does not appear in time, or S3 refuses something.
    """
    with tempfile.TemporaryDirectory() as notes:
        try:
            found = gather(job, Path(notes), clock)
        except BaseException:
            start_removing(job.meeting).wait()
            raise
    ssh.configure_client(ssh.folder(), [ssh.Host(note.address, note.public_key) for note in found.values()])
    return Crew(found, start_removing(job.meeting), handover, clock)


class Crew:
    """The nodes that serve the main node."""

    def __init__(
        self, notes: Mapping[int, Note], remover: subprocess.Popen[bytes], handover: Handover, clock: Clock
    ) -> None:
        self.notes = notes
        self.lost: list[int] = []
        """The nodes that went while the command ran."""
        self._handover = handover
        self._clock = clock
        self._running = True
        self._children = {remover.pid}
        remover.returncode = 0
        """Processes that are not waited for one by one: of the sessions, and of what removes the notes from S3."""
        self._sessions = {}
        for node, note in notes.items():
            session = ssh.open_session(note.address, f"exec cat > .ssh/{PIPE}")
            session.write(HELLO)
            self._sessions[session.pid] = node, session
            self._children.add(session.pid)

    def ended(self, child: int) -> None:
        """Learn that a child process of this one has ended; when it was a session, the command ends as well."""
        self._children.discard(child)
        if child not in self._sessions:
            return
        node, session = self._sessions.pop(child)
        if self._running and not self._handover.stopped:
            self.lost.append(node)
            say(f"node {node} ({self.notes[node].address}) is gone, and the command ends: {session.reason()}")
            self._handover.end((LEAVE_SECONDS, signal.SIGTERM), (KILL_SECONDS, signal.SIGKILL))

    def loss(self) -> str:
        """What is to be said last of a job that lost nodes."""
        names = [f"{node} ({self.notes[node].address})" for node in self.lost]
        which = f"node {names[0]} was" if len(names) == 1 else f"nodes {', '.join(names)} were"
        return f"the job ended because {which} lost while it ran"

    def dismiss(self, code: int) -> None:
        """Let the other nodes go after the command has ended.

        Args:
            code: exit code of the command; a failure may be one of a node of which the main node has not learned yet.
        """
        self._handover.close()
        if code != 0 and not self._handover.stopped:
            self._reap(NOTICE_SECONDS, lambda: bool(self.lost))
        self._running = False
        for _, session in self._sessions.values():
            session.write(DONE)
            session.close()
        self._reap(GOODBYE_SECONDS, lambda: not self._children)

    def _reap(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Learn which children have ended, for a time or until it is enough."""
        end = self._clock.now() + seconds
        while not enough() and self._clock.now() < end:
            try:
                child, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child:
                self.ended(child)
            else:
                self._clock.pause(_STEP)
