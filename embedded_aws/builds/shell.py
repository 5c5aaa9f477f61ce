"""The shell of a build: every command a script of its own, variables and folder carried from one to the next.

AWS: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec-ref-versions - in version
0.2 all commands run in one instance of the shell. CodeBuild's own logs show how: one script per command
(`script.sh: 4:`), so exported and plain variables and the folder persist, functions and aliases do not, and of a
command of several lines only the last exit status counts.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from embedded_aws.builds.interruption import Interruption

_SCRIPT = """cd "$(cat {state}/folder)"
. {state}/environment
set -a
{command}
CODEBUILD_LAST_EXIT=$?
export -p > {state}/environment
pwd > {state}/folder
exit $CODEBUILD_LAST_EXIT
"""
_READER_PATIENCE = 2
"""Seconds to wait for the output of a command that has ended: what it left in the background may hold its pipe."""


class Shell:
    """Runs the commands of one build."""

    def __init__(
        self,
        path: str,
        folder: Path,
        state: Path,
        environment: Mapping[str, str],
        interruption: Interruption,
    ) -> None:
        self._path, self._state, self._environment, self._interruption = path, state, dict(environment), interruption
        (state / "folder").write_text(f"{folder}\n")
        (state / "environment").touch()

    def run(self, command: str, emit: Callable[[str], None]) -> int:
        """Run a command, hand every line of its output to `emit`; its exit status (negative: killed by a signal)."""
        script = self._state / "script.sh"
        script.write_text(_SCRIPT.format(state=self._state, command=command))
        process = subprocess.Popen(
            [self._path, str(script)],
            env=self._environment,
            cwd=self._state,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe, asked for above
        reader = threading.Thread(target=_read, args=(process.stdout, emit), daemon=True)
        reader.start()
        with self._interruption.of(process):
            status = process.wait()
        reader.join(_READER_PATIENCE)
        return status

    def export(self, name: str, value: str) -> None:
        """Set a variable for the commands that follow; the value has no quote in it."""
        with (self._state / "environment").open("a") as environment:
            environment.write(f"export {name}='{value}'\n")

    def variables(self) -> dict[str, str]:
        """The variables as the last command left them."""
        answer = subprocess.run(
            [self._path, "-c", f". {self._state}/environment; env -0"],
            env=self._environment,
            capture_output=True,
            check=False,
        )
        pairs = (entry.partition("=") for entry in answer.stdout.decode(errors="replace").split("\0") if "=" in entry)
        return {name: value for name, _, value in pairs}


def _read(output: IO[str], emit: Callable[[str], None]) -> None:
    with output:
        for line in output:
            emit(line.rstrip("\n"))
