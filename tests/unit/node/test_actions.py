"""Do the user's scripts run with their arguments, once, and say how they failed?"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from shoal_node import actions, aws
from shoal_node.actions import run_actions
from shoal_node.contract import Action
from shoal_node.shell import NodeError
from tests.support.node_settings import COMPUTE, HEAD

BUCKET = "scripts-of-111111111111"


class Bucket:
    """The user's bucket of scripts."""

    def __init__(self, folder: Path) -> None:
        self._s3 = boto3.client("s3", region_name="eu-west-1")
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.out = folder / "out"

    def script(self, text: str, *arguments: str, name: str = "script") -> Action:
        """Put a script there."""
        self._s3.put_object(Bucket=BUCKET, Key=name, Body=text.encode())
        return Action(f"s3://{BUCKET}/{name}", arguments)

    def written(self) -> list[str]:
        """The lines that scripts have written."""
        return self.out.read_text().splitlines() if self.out.exists() else []


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(actions, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setattr(actions, "NODE_FACTS", tmp_path / "cfnconfig")
    with mock_aws():
        aws.client.cache_clear()
        yield Bucket(tmp_path)
        aws.client.cache_clear()


def test_scripts_run_in_their_order_with_their_arguments(bucket: Bucket) -> None:
    first = bucket.script(f'#!/bin/sh\necho "first $1 $2" >> {bucket.out}\n', "a b", '"$HOME"')
    second = bucket.script(f"#!/bin/sh\necho second >> {bucket.out}\n", name="second")
    run_actions(HEAD, "OnNodeStart", (first, second))
    assert bucket.written() == ['first a b "$HOME"', "second"]


def test_a_script_without_a_first_line_that_names_its_program_is_bashs(bucket: Bucket) -> None:
    run_actions(HEAD, "OnNodeStart", (bucket.script(f"[[ 1 == 1 ]] && echo bash >> {bucket.out}\n"),))
    assert bucket.written() == ["bash"]


def test_a_script_that_ended_well_is_not_run_again(bucket: Bucket) -> None:
    action = bucket.script(f"#!/bin/sh\necho once >> {bucket.out}\n")
    for _ in range(2):
        run_actions(HEAD, "OnNodeStart", (action,))
    assert bucket.written() == ["once"]


def test_a_script_that_failed_is_run_again_and_those_before_it_are_not(bucket: Bucket) -> None:
    good = bucket.script(f"#!/bin/sh\necho good >> {bucket.out}\n")
    bad = bucket.script(f"#!/bin/sh\necho bad >> {bucket.out}\ntest -e {bucket.out}.mended\n", name="bad")
    with pytest.raises(NodeError):
        run_actions(HEAD, "OnNodeConfigured", (good, bad))
    bucket.out.with_name("out.mended").touch()
    run_actions(HEAD, "OnNodeConfigured", (good, bad))
    assert bucket.written() == ["good", "bad", "bad"]


def test_a_script_after_an_update_runs_once_for_each(bucket: Bucket) -> None:
    action = bucket.script(f"#!/bin/sh\necho updated >> {bucket.out}\n")
    for version in ("1", "2", "2"):
        run_actions(HEAD, "OnNodeUpdated", (action,), occasion=version)
    assert bucket.written() == ["updated", "updated"]


def test_a_failure_names_the_script_its_code_and_its_last_line(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "shoal_node")
    action = bucket.script("#!/bin/sh\nfor n in $(seq 30); do echo line $n; done\necho no licence >&2\nexit 3\n")
    with pytest.raises(NodeError) as told:
        run_actions(HEAD, "OnNodeConfigured", (action,))
    assert str(told.value) == f"OnNodeConfigured s3://{BUCKET}/script ended with exit code 3: no licence"
    assert "line 30" in caplog.text
    assert "line 11\n" not in caplog.text


def test_a_script_that_a_signal_ended_has_failed(bucket: Bucket) -> None:
    with pytest.raises(NodeError, match="exit code -9"):
        run_actions(HEAD, "OnNodeStart", (bucket.script("#!/bin/sh\nkill -9 $$\n"),))


def test_an_https_script_that_cannot_be_had_is_a_failure(bucket: Bucket) -> None:
    with pytest.raises(NodeError, match="cannot be downloaded"):
        run_actions(HEAD, "OnNodeStart", (Action("https://127.0.0.1:1/script"),))


@pytest.mark.parametrize(("settings", "node"), [(HEAD, "HeadNode slurm"), (COMPUTE, "ComputeFleet slurm")])
def test_a_script_for_parallelcluster_finds_out_where_it_runs(
    settings: object, node: str, bucket: Bucket, tmp_path: Path
) -> None:
    text = f"#!/bin/sh\n. {tmp_path}/cfnconfig\necho $cfn_node_type $cfn_scheduler >> {bucket.out}\n"
    run_actions(settings, "OnNodeStart", (bucket.script(text),))  # type: ignore[arg-type]  # of both kinds
    assert bucket.written() == [node]


def test_what_the_node_tells_scripts_means_nothing_else_to_a_shell(tmp_path: Path) -> None:
    file = tmp_path / "facts"
    file.write_text(actions.node_facts(replace(HEAD, scratch_dir="/scr atch$(touch pwned)")))
    done = subprocess.run(
        ["sh", "-c", f'. {file}; echo "$cfn_ephemeral_dir"'], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "/scr atch$(touch pwned)\n"
    assert not (tmp_path / "pwned").exists()
