"""`shoal job configure`: the file of AWS's Batch client, so that it finds the cluster by its own name.

https://docs.aws.amazon.com/parallelcluster/latest/ug/awsbatchcli.html describes the client. Sections of other clusters
and comments stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import Error as ConfigurationFileError
from pathlib import Path

from configupdater import ConfigUpdater

from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs.cluster import CLIENT_FILE, Cluster, JobQueue

MODE = 0o600
FOLDER_MODE = 0o700


def settings(cluster: Cluster, queue: JobQueue, environment: str) -> dict[str, str]:
    """The client's settings for a cluster.

    Args:
        cluster: which one.
        queue: the client knows one queue of a cluster.
        environment: ARN of the compute environment whose hosts `awsbhosts` shows.
    """
    return {
        "region": cluster.region,
        "s3_bucket": cluster.bucket,
        "artifact_directory": cluster.root,
        "batch_cli_requirements": cluster.outputs.get("BatchCliRequirements", ""),
        "compute_environment": environment,
        "job_queue": queue.arn,
        "job_definition": queue.definition,
        "job_definition_mnp": queue.multinode_definition,
        "head_node_ip": cluster.outputs.get("HeadNodePrivateIP", ""),
        "proxy": "NONE",
    }


def updated(text: str, name: str, section: Mapping[str, str]) -> str:
    """The file's text with a cluster in it; it becomes the default one where there is none.

    Args:
        text: what the file holds; empty when there is none.
        name: by which the client is to find the cluster.
        section: the client's settings for it.

    Raises:
        configparser.Error: the text is no file of that kind.
    """
    file = ConfigUpdater().read_string(text)
    if not file.has_section("main"):  # the client does not start without one
        _add(file, "main", first=True)
        file["main"]["region"] = section["region"]
    if not file.has_option("main", "cluster_name"):
        file["main"]["cluster_name"] = name
    title = f"cluster {name}"
    if not file.has_section(title):
        _add(file, title)
    for key, value in section.items():
        file[title][key] = value
    return str(file)


def _add(file: ConfigUpdater, title: str, *, first: bool = False) -> None:
    sections = file.section_blocks()
    if first and sections:
        sections[0].add_before.section(title).space()
    elif sections:
        sections[-1].add_after.space().section(title)
    else:
        file.add_section(title)


def write(name: str, section: Mapping[str, str]) -> Path:
    """Put a cluster into the user's file; only the user may read it afterwards.

    Raises:
        CommandError: the file cannot be read or written (exit code 2).
    """
    path = (Path.home() / CLIENT_FILE).resolve()  # a link stays one
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        partial = path.with_name(f"{path.name}.partial")
        partial.touch(mode=MODE)
        partial.chmod(MODE)
        partial.write_text(updated(before, name, section), encoding="utf-8")
        partial.replace(path)
    except (OSError, UnicodeDecodeError, ConfigurationFileError) as error:
        raise CommandError(f"{path} cannot be changed: {' '.join(str(error).split())}", Exit.BAD_INPUT) from error
    return path
