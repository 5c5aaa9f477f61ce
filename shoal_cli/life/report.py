"""What a run found: the steps, what is left, who was refused what; as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from shoal_cli.life.jobs import RanJob

PATH = Path("build/run-report.json")


@dataclass(frozen=True)
class Step:
    """One thing that was done, and how it ended."""

    operation: str
    expected: str
    """The status or the error that it must end with."""
    ended: str
    """`clusterStatus`, another word for success, or the error."""
    seconds: float
    says: str
    """The answer's summary, or the line of root cause."""

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it must."""
        return self.ended == self.expected


@dataclass(frozen=True)
class SlurmRun:
    """What became of the chapter's nodes and jobs."""

    jobs: int
    """Jobs that ended well."""
    nodes_joined: int
    nodes_left: int
    submit_to_start_seconds: float | None
    """From `sbatch` to the start on nodes that did not exist; None where no job was run."""

    @property
    def as_expected(self) -> bool:
        """Whether nodes came, and all of them went."""
        return self.nodes_joined > 0 and self.nodes_left == self.nodes_joined


@dataclass
class Report:
    """Everything that `make run` is judged by."""

    engine: str = ""
    steps: list[Step] = field(default_factory=list)
    jobs: list[RanJob] = field(default_factory=list)
    slurm: SlurmRun | None = None
    leftovers: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """Grants that neither this run nor a test that the list names uses."""
    stale: list[str] = field(default_factory=list)
    """Rows of the list that this run uses itself, or that no role has."""
    remarks: list[str] = field(default_factory=list)

    @property
    def as_expected(self) -> bool:
        """Whether the run shows what it must."""
        wrong = [self.leftovers, self.denied, self.unused, self.stale, [s for s in self.steps if not s.as_expected]]
        ran = [job.as_expected for job in self.jobs] + ([self.slurm.as_expected] if self.slurm else [])
        return bool(self.steps) and not any(wrong) and all(ran)

    def write(self, path: Path = PATH) -> None:
        """Write the report as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        steps = [asdict(step) | {"asExpected": step.as_expected} for step in self.steps]
        iam = {"denied": self.denied, "unused": self.unused, "stale": self.stale}
        document = {
            "asExpected": self.as_expected,
            "engine": self.engine,
            "steps": steps,
            "jobs": [
                {"name": job.name, "status": job.status, "exitCode": job.exit_code, "lastLine": job.last_line}
                for job in self.jobs
            ],
            "slurm": asdict(self.slurm) if self.slurm else None,
            "leftovers": self.leftovers,
            "iam": iam,
            "remarks": self.remarks,
        }
        path.write_text(json.dumps(document, indent=2) + "\n")

    def show(self, console: Console) -> None:
        """Print the steps as a table, then what is left, then what IAM said."""
        table = Table(title="The life of a cluster", show_edge=False)
        for heading in ("step", "ended", "seconds", "says"):
            table.add_column(heading, justify="right" if heading == "seconds" else "left", overflow="fold")
        for step in self.steps:
            colour = "green" if step.as_expected else "red"
            table.add_row(step.operation, f"[{colour}]{step.ended}[/]", f"{step.seconds:.1f}", step.says)
        console.print(table)
        console.print(f"left behind: {_listed(self.leftovers, 'nothing')}")
        console.print(f"refused by IAM: {_listed(self.denied, 'nothing')}")
        console.print(f"granted and used by nobody: {_listed(self.unused, 'nothing')}")
        if self.stale:
            console.print(f"listed as used elsewhere, though used here or by no role: {_listed(self.stale, '')}")
        for remark in self.remarks:
            console.print(f"note: {remark}", highlight=False)
        console.print(f"image builds: {self.engine}")
        if self.slurm:
            console.print(f"Slurm: {_told(self.slurm)}")


def _told(slurm: SlurmRun) -> str:
    seconds = slurm.submit_to_start_seconds
    started = "no job was run" if seconds is None else f"the job began {seconds:.0f} s after it was submitted"
    return f"{slurm.nodes_joined} nodes joined, {slurm.nodes_left} left; {started}"


def _listed(rows: list[str], nothing: str) -> str:
    return "".join(f"\n  {row}" for row in rows) or nothing
