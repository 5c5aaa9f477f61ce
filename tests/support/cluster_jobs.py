"""Jobs of a created cluster, submitted through Batch's own API."""

from __future__ import annotations

from typing import Any

from tests.support.front_door import FrontDoor
from tests.support.polling import until

PATIENCE = 120.0
"""Seconds for a job on a busy machine."""


class ClusterJobs:
    """Submits to one queue of a cluster, waits and reads."""

    def __init__(self, shoal: FrontDoor, cluster: str, queue: str) -> None:
        self.batch, self.logs, self.s3 = shoal.client("batch"), shoal.client("logs"), shoal.client("s3")
        self._queue = f"shoal-{cluster}_{queue}"
        self._definition = f"shoal-{cluster}_{{}}_{queue}"
        stack = shoal.stack(cluster)
        assert stack is not None
        parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
        self.bucket, self.root = parameters["ResourcesS3Bucket"], parameters["ArtifactS3RootDirectory"]

    def submit(self, *command: str, vcpus: int = 1, variables: dict[str, str] | None = None, **options: Any) -> str:
        """Submit a job of one container; its id."""
        container = _overrides(command, vcpus, variables)
        return self._submit("single", containerOverrides=container, **options)

    def submit_nodes(
        self, nodes: int, *command: str, vcpus: int = 1, variables: dict[str, str] | None = None, **options: Any
    ) -> str:
        """Submit a job of several nodes; its id."""
        every = {"targetNodes": "0:", "containerOverrides": _overrides(command, vcpus, variables)}
        return self._submit("multinode", nodeOverrides={"numNodes": nodes, "nodePropertyOverrides": [every]}, **options)

    def _submit(self, kind: str, **options: Any) -> str:
        definition = self._definition.format(kind)
        return str(
            self.batch.submit_job(jobName="job", jobQueue=self._queue, jobDefinition=definition, **options)["jobId"]
        )

    def put(self, folder: str, **files: str) -> str:
        """Put files into a job's folder; its S3 URL. A name's `_` stands for its dot."""
        for name, text in files.items():
            self.s3.put_object(Bucket=self.bucket, Key=f"{self.root}/{folder}/{name.replace('_', '.')}", Body=text)
        return f"s3://{self.bucket}/{self.root}/{folder}/"

    def keys(self, folder: str) -> list[str]:
        """The objects below a folder of the jobs."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{self.root}/{folder}")
        return [item["Key"] for item in found.get("Contents", [])]

    def job(self, identifier: str) -> dict[str, Any]:
        """A job, or a node of one, as it is now."""
        found: dict[str, Any] = self.batch.describe_jobs(jobs=[identifier])["jobs"][0]
        return found

    def until_ended(self, identifier: str) -> dict[str, Any]:
        """A job, once it has ended."""

        def ended() -> dict[str, Any] | None:
            found = self.job(identifier)
            return found if found["status"] in {"SUCCEEDED", "FAILED"} else None

        found = until(ended, PATIENCE, f"the end of {identifier}")
        assert found is not None
        return found

    def lines(self, identifier: str, attempt: int | None = None) -> list[str]:
        """What a job, or a node of one, has printed so far, in its newest attempt or in that of a number from 1."""
        job = self.job(identifier)
        wrote = job["container"] if attempt is None else job["attempts"][attempt - 1]["container"]
        if "logStreamName" not in wrote:
            return []
        stream = wrote["logStreamName"]
        group = job["container"]["logConfiguration"]["options"]["awslogs-group"]
        found = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in found["events"]]


def _overrides(command: tuple[str, ...], vcpus: int, variables: dict[str, str] | None) -> dict[str, Any]:
    environment = [{"name": name, "value": value} for name, value in (variables or {}).items()]
    return {"command": list(command), "vcpus": vcpus, "environment": environment}
