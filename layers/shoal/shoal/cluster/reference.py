"""The two generated pages about the configuration: its reference, and how a ParallelCluster file moves over.

Pure: the fields in, Markdown out. `tools/generate_docs.py` writes the files, a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterator

from shoal.cluster.batch import UPDATE_TIMEOUT
from shoal.cluster.configuration import Cluster
from shoal.cluster.grammar import ADDITIONS, Change, Code, Refused
from shoal.cluster.keys import DEPENDS, Key, walk

CHANGES = {
    Change.LIVE: "applied in place; nothing that runs is disturbed",
    Change.GROWS: "a larger value is applied in place; a smaller one is refused",
    Change.ROLLS: "new instances have the new value; AWS Batch replaces those that run, where jobs have "
    f"{UPDATE_TIMEOUT} minutes to end, and Slurm's that run keep the old one until they end",
    Change.REPLACES: "refused: CloudFormation would replace something that holds data or jobs",
    Change.FIXED: "refused: an identity, or set up once when a machine first starts",
}

CODES = {
    Code.UNREADABLE: "the document is not YAML or JSON with one mapping in it",
    Code.DUPLICATE_KEY: "the key stands twice in its section",
    Code.UNKNOWN_KEY: "neither ParallelCluster nor Shoal knows the key; the suggestion names the nearest that is right",
    Code.MISSING_KEY: "the key is required",
    Code.NOT_OFFERED: "ParallelCluster knows the key or the value, and Shoal does not offer it",
    Code.WRONG_TYPE: "text where a number must stand, a list where a section must, or nothing",
    Code.OUT_OF_RANGE: "too small, too large, too short, too long, too few or too many",
    Code.INVALID_VALUE: "not one of the choices, or not of the form that the key asks for",
    Code.NOT_UNIQUE: "another item of the list has it already",
    Code.CONFLICT: "keys that are right by themselves and wrong together",
    Code.FORBIDDEN: "what no configuration may hold, whatever the key",
}

_CONFIGURATION = """\
# Configuration

Generated from the code by `tools/generate_docs.py`; do not edit.

A cluster's configuration is a YAML or JSON file with the keys of AWS ParallelCluster 3. `shoal validate FILE` tells
everything that is wrong with one; `cluster-configuration.schema.json` beside this page lets an editor check and
complete it:

```yaml
# yaml-language-server: $schema=cluster-configuration.schema.json
```

Numbers may be quoted, and booleans written as `yes` or `on`, as in ParallelCluster. A key without a value is an error.
In no value or key may stand a CloudFormation dynamic reference (`{{resolve:...}}`) or a control character.

`Scheduling.Scheduler` decides on the kind of cluster, `awsbatch` or `slurm`. A key that only one kind has says so; in
the other it is refused by name. With `slurm` the queues are `SlurmQueues`, and `Image.Os` is debian12 or ubuntu2404, or
alinux2023, rhel9 or rocky9 with an AMI that brings Slurm.

"Changing it" says what an update of the key does to a running cluster; for a list, what adding or removing an item
does.

"""

_PROBLEMS = """\
`shoal validate --output json FILE` prints every problem as `{"path", "code", "message", "suggestion"}`; an operation
with a wrong configuration ends with the same list. Messages name keys and never repeat values. The codes:

"""

_COMING = """\
# Coming from AWS ParallelCluster

Generated from the code by `tools/generate_docs.py`; do not edit.

ParallelCluster 3.15 was the last release with AWS Batch. Shoal reads its configuration files, for AWS Batch and for
Slurm, keeps the layout of its bucket for job scripts, and serves AWS's own Batch client (`awsbsub`, `awsbstat`,
`awsbkill`, `awsbqueues`, `awsbhosts`) unchanged, by the stack's name or by the file that `shoal job configure` writes.
`awsbout` reads a log group that all clusters of an account share; jobs here log to their cluster's own group, so
`shoal job output` takes its place.
[Jobs](jobs.md) compares the clients option by option.

`shoal ssh NAME` is `pcluster ssh`, by Session Manager unless a key is given, and `shoal network create` makes the
network that `pcluster configure` made ([network](network.md)).

A cluster that ParallelCluster made stays ParallelCluster's. Create the new one with Shoal beside it, move the jobs, and
delete the old one with `pcluster delete-cluster`. To keep data, share it in both: name the volume, snapshot or file
system in `SharedStorage`, and set `DeletionPolicy: Retain` (or `Snapshot`) in the old cluster before deleting it.

## From ParallelCluster 2

A 2.x INI file becomes a 3.x YAML file by ParallelCluster's own converter; Shoal does not read INI files.

```
python3.11 -m venv pcluster && pcluster/bin/pip install aws-parallelcluster==3.15.1
AWS_DEFAULT_REGION=eu-west-1 pcluster/bin/pcluster3-config-converter -c config.ini -t default -o cluster.yaml
shoal validate cluster.yaml
```

`-t` names the `[cluster ...]` section. What to look at afterwards:

- `Image.Os` is `alinux2`, the only system that 2.x had for Batch; it is out of support. Write `alinux2023`.
- Volumes are encrypted unless `Encrypted: false` is written; in 2.x they were not.
- `s3_read_resource`, `s3_read_write_resource` and `additional_iam_policies` become keys of `HeadNode.Iam`.
- `iam_lambda_role` becomes a section that no 3.x knows (`Iam.Role`), and the `volume_throughput` of a RAID array a key
  that none knows (`Throughout`). Remove the first; write `Throughput` for the second.
- `sanity_check`, `vpc_id`, `update_check` and `[aliases]` have no successor; the converter says so in comments.

## From ParallelCluster 3

Try the file: `shoal validate cluster.yaml` names every key to change at once. `Region`, `HeadNode`, `Scheduling`,
`SharedStorage`, `Monitoring` and `Tags` mean what they mean there, with the same defaults, and the tables say where
they do not.

Of a Slurm cluster these differ:

- Each compute resource has one instance type and one Auto Scaling group, which starts what it can get
  (`ScalingStrategy: best-effort`). Nodes above `MinCount` end themselves after `ScaledownIdletime`.
- A node is called after its queue, compute resource and address, as `cpu-c7i-10-0-1-17`, not `cpu-st-c7i-1`. There is
  no Route 53 zone (`Dns.DisableManagedDns: true`): nodes know each other by their addresses.
- An update ends no job and no node. What the head node applies (idle time, partitions, counts) holds at once; what is
  part of an instance (type, AMI, volumes, scripts) holds for nodes that start after it. To renew every node, stop
  and start the cluster.
- There is no accounting database, so `sacct` tells nothing; there are no login nodes, no remote desktop and no
  directory service yet.
- Head node and queues may have different architectures. A placement group never spans availability zones.
- Only root reads the instance metadata of the head node (`HeadNode.Imds.Secured: true`), as there.

### What Shoal accepts beyond ParallelCluster

"""


def configuration_page() -> str:
    """`docs/configuration.md`."""
    legend = "\n".join(f"- `{change.value}`: {meaning}" for change, meaning in CHANGES.items())
    codes = "\n".join(f"- `{code.value}`: {meaning}" for code, meaning in CODES.items())
    sections = "".join(_section(path, keys) for path, keys in _sections())
    return f"{_CONFIGURATION}{legend}\n{sections}\n## Problems\n\n{_PROBLEMS}{codes}\n"


def coming_page() -> str:
    """`docs/coming-from-parallelcluster.md`."""
    keys = list(walk(Cluster))
    return "".join(
        (
            _COMING,
            _table(("Key", "Addition"), ((f"`{addition.path}`", addition.what) for addition in ADDITIONS)),
            "\n### What is not offered\n\nUsing one of these is an error that says the same; none is ignored. ",
            "A section stands for all keys in it.\n\n",
            _table(("Key", "Why", "Instead"), _refusals(keys)),
            "\n### What is honoured\n\n",
            "Every other key; [the reference](configuration.md) has types and bounds.\n\n",
            _table(("Key", "Default", "Changing it"), _honoured(keys)),
        )
    )


def _sections() -> Iterator[tuple[str, list[Key]]]:
    sections: dict[str, list[Key]] = {}
    for key in walk(Cluster):
        sections.setdefault(key.path.rpartition(".")[0], []).append(key)
    return iter(sections.items())


def _section(path: str, keys: list[Key]) -> str:
    title = f"`{path}`" if path else "The document"
    rows = ((f"`{key.path.rpartition('.')[2]}`", *_described(key)) for key in keys)
    return f"\n## {title}\n\n{_table(('Key', 'Type', 'Default', 'Changing it', 'Meaning'), rows)}"


def _described(key: Key) -> tuple[str, str, str, str]:
    if key.refused:
        return "", "", "", f"{key.docstring} **Not offered**: {key.refused.reason}. Instead: {key.refused.instead}."
    kind = " or ".join(f"`{choice}`" for choice in key.choices) or key.type
    meaning = f"{key.docstring} ({key.bounds})" if key.bounds else key.docstring
    meaning += f" Only with `Scheduler: {key.only.kind}`." if key.only else ""
    return kind, _default(key), f"`{key.change.value}`" if key.change else "", meaning


def _default(key: Key) -> str:
    if key.required:
        return "**required**"
    if key.default is None:
        return ""
    if key.default == DEPENDS:
        return "see there" if key.type == "section" else "see meaning"
    return f"`{str(key.default).lower() if isinstance(key.default, bool) else key.default}`"


def _refusals(keys: list[Key]) -> Iterator[tuple[str, str, str]]:
    for key in keys:
        if key.refused:
            yield f"`{key.path}`", *_why(key.refused)
        for value, refused in key.values_refused.items():
            yield f"`{key.path}: {value}`", *_why(refused)
        if key.only:
            other = "slurm" if key.only.kind == "awsbatch" else "awsbatch"
            yield f"`{key.path}` with `Scheduler: {other}`", key.only.reason, key.only.instead


def _why(refused: Refused) -> tuple[str, str]:
    return refused.reason, refused.instead


def _honoured(keys: list[Key]) -> Iterator[tuple[str, str, str]]:
    additions = tuple(
        addition.path for addition in ADDITIONS if addition.path.endswith(("ContainerImage", "Lifecycle"))
    )
    for key in keys:
        if key.change and not key.path.startswith(additions):
            yield f"`{key.path}`", _default(key), CHANGES[key.change]


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
