"""Does the file of AWS's Batch client get a cluster, and keep everything else?"""

from __future__ import annotations

import configparser
import stat
from pathlib import Path

import pytest

from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import client_file
from shoal_cli.jobs.cluster import CLIENT_FILE, Cluster, JobQueue, client_setting, default_name

SECTION = {"region": "us-east-1", "s3_bucket": "shoal-genomics-1", "proxy": "NONE"}
WRITTEN_BY_HAND = """\
# my clusters
[main]
region=eu-west-1
cluster_name = old ; the one I use

[cluster old]
# from ParallelCluster
region = eu-west-1
"""


def read(text: str) -> configparser.ConfigParser:
    """As AWS's client reads it."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    return parser


def test_a_new_file_has_the_cluster_as_its_default() -> None:
    file = read(client_file.updated("", "genomics", SECTION))
    assert dict(file["main"]) == {"region": "us-east-1", "cluster_name": "genomics"}
    assert dict(file["cluster genomics"]) == SECTION


def test_what_was_written_by_hand_stays_comments_included() -> None:
    text = client_file.updated(WRITTEN_BY_HAND, "genomics", SECTION)
    assert text.startswith(WRITTEN_BY_HAND)
    assert dict(read(text)["cluster genomics"]) == SECTION


def test_a_cluster_that_is_there_gets_its_new_values_where_it_stands() -> None:
    before = client_file.updated(WRITTEN_BY_HAND, "genomics", SECTION) + "\n[cluster last]\nregion = x\n"
    after = client_file.updated(before, "genomics", {**SECTION, "s3_bucket": "another"})
    assert after == before.replace("shoal-genomics-1", "another")


def test_a_file_without_the_main_section_gets_one_since_the_client_does_not_start_without() -> None:
    text = client_file.updated("# old ones\n[cluster old]\nregion = x\n", "genomics", SECTION)
    assert read(text).sections() == ["main", "cluster old", "cluster genomics"]
    assert "# old ones" in text


def test_a_main_section_without_a_default_gets_one_and_keeps_its_region() -> None:
    file = read(client_file.updated("[main]\nregion = eu-west-1\n", "genomics", SECTION))
    assert dict(file["main"]) == {"region": "eu-west-1", "cluster_name": "genomics"}


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_only_the_user_may_read_the_file(home: Path) -> None:
    path = client_file.write("genomics", SECTION)
    assert path == home / CLIENT_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    client_file.write("second", SECTION)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_a_link_stays_one(home: Path) -> None:
    target, link = home / "dotfiles.cfg", home / CLIENT_FILE
    target.write_text(WRITTEN_BY_HAND)
    link.parent.mkdir()
    link.symlink_to(target)
    client_file.write("genomics", SECTION)
    assert link.is_symlink()
    assert "[cluster genomics]" in target.read_text()


@pytest.mark.parametrize("content", [b"no section\n", b"[main]\n[main]\n", b"\xff\xfe"])
def test_a_file_that_is_none_is_left_alone(home: Path, content: bytes) -> None:
    path = home / CLIENT_FILE
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CommandError, match="cannot be changed") as refused:
        client_file.write("genomics", SECTION)
    assert refused.value.code == Exit.BAD_INPUT
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == content


def test_the_default_cluster_is_the_clients(home: Path) -> None:
    with pytest.raises(CommandError, match="no cluster is named; write --cluster NAME, or set SHOAL_CLUSTER"):
        default_name()
    client_file.write("genomics", SECTION)
    assert default_name() == "genomics"
    assert client_setting("env_blacklist") is None


def test_a_broken_file_is_named_when_the_default_is_looked_for(home: Path) -> None:
    path = home / CLIENT_FILE
    path.parent.mkdir()
    path.write_text("nonsense")
    with pytest.raises(CommandError, match=r"awsbatch-cli\.cfg cannot be read") as refused:
        default_name()
    assert "\n" not in str(refused.value)


def test_the_settings_are_those_of_the_chosen_queue() -> None:
    queue = JobQueue("second", "arn:q", "arn:single", "arn:multi")
    cluster = Cluster(
        "genomics",
        "arn:stack",
        "CREATE_COMPLETE",
        "us-east-1",
        "bucket",
        "jobs",
        "/shoal/jobs",
        (queue,),
        {"BatchCliRequirements": "client>=1", "HeadNodePrivateIP": "10.0.0.4"},
    )
    assert client_file.settings(cluster, queue, "arn:environment") == {
        "region": "us-east-1",
        "s3_bucket": "bucket",
        "artifact_directory": "jobs",
        "batch_cli_requirements": "client>=1",
        "compute_environment": "arn:environment",
        "job_queue": "arn:q",
        "job_definition": "arn:single",
        "job_definition_mnp": "arn:multi",
        "head_node_ip": "10.0.0.4",
        "proxy": "NONE",
    }
