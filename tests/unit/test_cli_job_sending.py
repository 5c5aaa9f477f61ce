"""Which files may go with a job, and is nothing left of a job that was not submitted?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from shoal_cli.jobs import sending
from shoal_cli.jobs.cluster import Cluster
from shoal_cli.jobs.program import Program

CLUSTER = Cluster("genomics", "arn:stack", "CREATE_COMPLETE", "us-east-1", "bucket", "shared/jobs", "/jobs", (), {})
KEY = "job-hello-20261124T120000-0a1b2c3d"
PROGRAM = Program((), b"echo hello\n", "run.sh")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", "us-east-1")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key=f"shared/jobs/{KEY}-another/x", Body=b"")
        yield client


def keys(s3: Any) -> list[str]:
    return [item["Key"].rpartition("/jobs/")[2] for item in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]


def test_a_submitted_job_keeps_its_files(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"x" * 100)
    program = Program((), b"echo hello\n", "run.sh", inputs=(tmp_path / "data",))
    assert sending.send(s3, CLUSTER, KEY, program, lambda: {"jobId": "1"}) == {"jobId": "1"}
    assert keys(s3) == [f"{KEY}-another/x", f"{KEY}/data", f"{KEY}/launch.sh", f"{KEY}/run.sh"]
    assert sending.files(program) == ["launch.sh", "run.sh", "data"]
    assert sending.url(CLUSTER, KEY) == f"s3://bucket/shared/jobs/{KEY}/"


@pytest.mark.parametrize(
    "error", [ClientError({"Error": {"Code": "ClientException"}}, "SubmitJob"), KeyboardInterrupt()]
)
def test_what_was_uploaded_is_removed_when_the_job_is_not_submitted(
    s3: Any, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    def submit() -> dict[str, Any]:
        assert f"{KEY}/run.sh" in keys(s3)
        raise error

    with pytest.raises(type(error)):
        sending.send(s3, CLUSTER, KEY, PROGRAM, submit)
    assert keys(s3) == [f"{KEY}-another/x"]
    assert capsys.readouterr().err == ""


def test_what_was_uploaded_is_removed_when_an_input_cannot_be_read(s3: Any, tmp_path: Path) -> None:
    program = Program((), b"echo hello\n", "run.sh", inputs=(tmp_path / "gone",))
    with pytest.raises(FileNotFoundError):
        sending.send(s3, CLUSTER, KEY, program, lambda: {"jobId": "1"})
    assert keys(s3) == [f"{KEY}-another/x"]


def test_what_cannot_be_removed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    client = boto3.client("s3", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "NoSuchBucket", "gone")
        stubber.add_client_error("list_objects_v2", "AccessDenied", "not authorized")
        with pytest.raises(ClientError, match="NoSuchBucket"):
            sending.send(client, CLUSTER, KEY, PROGRAM, lambda: {"jobId": "1"})
        stubber.assert_no_pending_responses()
    told = capsys.readouterr().err
    assert told.startswith(f"what was uploaded for the job stays in s3://bucket/shared/jobs/{KEY}/: ")
    assert "AccessDenied" in told


def test_an_object_that_is_kept_from_being_removed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    client = boto3.client("s3", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", "SlowDown", "slow down")
        stubber.add_response("list_objects_v2", {"Contents": [{"Key": "shared/jobs/a"}]})
        refused = {"Key": "shared/jobs/a", "Code": "AccessDenied", "Message": "no"}
        stubber.add_response("delete_objects", {"Errors": [refused]})
        with pytest.raises(ClientError, match="SlowDown"):
            sending.send(client, CLUSTER, KEY, PROGRAM, lambda: {"jobId": "1"})
        stubber.assert_no_pending_responses()
    assert capsys.readouterr().err.rstrip().endswith("AccessDenied: shared/jobs/a")


def test_all_inputs_together_have_a_largest_size(tmp_path: Path) -> None:
    inputs = [tmp_path / name for name in ("a", "b")]
    for path in inputs:
        with path.open("wb") as file:
            file.truncate(sending.LARGEST // 2 + 1)  # no byte of it is on the disk
    (problem,) = sending.problems([str(path) for path in inputs], "")
    assert problem == "--input-file: 5.0 GiB are more than 5; use shared storage or your own bucket"
    assert list(sending.problems([str(inputs[0])], "")) == []


def test_a_name_that_cannot_be_printed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two\nlines"
    path.write_text("")
    assert "has characters in its name that cannot be printed" in next(sending.problems([str(path)], ""))


def test_no_two_jobs_have_one_key() -> None:
    assert len({sending.job_key("hello") for _ in range(100)}) == 100
