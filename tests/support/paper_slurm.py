"""A Slurm of files: a `scontrol` and a `squeue` first on PATH that keep nodes and jobs in a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_SCONTROL = """#!{python} -IS
import pathlib, sys
folder = pathlib.Path({folder!r})
words = [word for word in sys.argv[1:] if not word.startswith("--")]
fields = dict(word.split("=", 1) for word in words if "=" in word)
with (folder / "calls").open("a") as calls:
    print(*words, file=calls)
if (folder / "away").exists():
    sys.exit("slurm_load_node error: Unable to contact slurm controller (connect failure)")
if words[:2] == ["show", "nodes"]:
    print("".join(path.read_text() for path in sorted((folder / "nodes").iterdir())), end="")
    sys.exit()
if words[0] == "requeue":
    (folder / "jobs" / words[1]).unlink()
    sys.exit()
path = folder / "nodes" / (fields.get("nodename") or words[-1])
if not path.exists():
    sys.exit("Invalid node name specified: not found")
if words[0] == "show":
    print(path.read_text(), end="")
elif words[0] == "delete":
    path.unlink()
else:
    line = path.read_text().split(" State=")[0]
    state = {{"down": "DOWN", "drain": "IDLE+DRAIN", "resume": "IDLE"}}[fields["state"]]
    reason = f" Reason={{fields['reason']}} [root@2026-11-24T15:00:00]" if "reason" in fields else ""
    path.write_text(f"{{line}} State={{state}}{{reason}}\\n")
"""
_SQUEUE = """#!{python} -IS
import pathlib, sys
folder = pathlib.Path({folder!r})
if (folder / "away").exists():
    sys.exit("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
if "--states=PENDING" in sys.argv:
    print((folder / "pending").read_text(), end="")
else:
    print(*(path.name for path in (folder / "jobs").iterdir()), sep="\\n")
"""


class PaperSlurm:
    """The folder, and what a test does with it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        for name in ("nodes", "jobs", "bin"):
            (folder / name).mkdir()
        (folder / "pending").write_text("")
        for name, text in (("scontrol", _SCONTROL), ("squeue", _SQUEUE)):
            program = folder / "bin" / name
            program.write_text(text.format(python=sys.executable, folder=str(folder)))
            program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")

    def join(self, name: str, state: str = "IDLE", features: str = "main,small") -> None:
        """A node registers."""
        (self._folder / "nodes" / name).write_text(f"NodeName={name} ActiveFeatures={features} State={state}\n")

    def pend(self, *lines: str) -> None:
        """Jobs wait, as squeue's lines tell."""
        (self._folder / "pending").write_text("".join(f"{line}\n" for line in lines))

    def run(self, job_id: str) -> None:
        """A job runs on every node."""
        (self._folder / "jobs" / job_id).touch()

    def finish(self, job_id: str) -> None:
        """A job ends."""
        (self._folder / "jobs" / job_id).unlink()

    def away(self, is_away: bool = True) -> None:
        """slurmctld stops answering, or answers again."""
        mark = self._folder / "away"
        mark.touch() if is_away else mark.unlink()

    @property
    def jobs(self) -> list[str]:
        """The jobs that run."""
        return sorted(path.name for path in (self._folder / "jobs").iterdir())

    @property
    def nodes(self) -> dict[str, str]:
        """The nodes' states by name."""
        files = sorted((self._folder / "nodes").iterdir())
        return {path.name: path.read_text().split(" State=")[1].split()[0] for path in files}

    @property
    def calls(self) -> list[str]:
        """What scontrol was called with."""
        path = self._folder / "calls"
        return path.read_text().splitlines() if path.exists() else []
