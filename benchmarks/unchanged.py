"""What an unchanged image costs with Shoal: the control plane is asked to build, and finds that nothing has to be."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from embedded_aws.process import Server
from shoal_cli.application import Application, connect
from shoal_cli.deploying import deploy_into
from shoal_cli.life import surroundings

PREFIX = "shoal"
_CLUSTER = "bench"
_EXAMPLE = Path("examples/awsbatch.yaml")


class Cluster:
    """A cluster whose image is built."""

    def __init__(self, server: Server, state_dir: Path) -> None:
        deploy_into(server)
        self._application: Application = connect(local=True, prefix=PREFIX, state_dir=state_dir)
        configuration = surroundings.configuration(_EXAMPLE, surroundings.make_subnet(self._application))
        self._run("create", clusterConfiguration=configuration)

    def seconds(self) -> tuple[float, int]:
        """How long `build-image` takes, and how many builds it started."""
        before, began = self._builds(), time.perf_counter()
        self._run("build-image")
        return time.perf_counter() - began, self._builds() - before

    def _run(self, operation: str, **fields: Any) -> None:
        machine = self._application.client("stepfunctions")
        given = json.dumps({"operation": operation, "clusterName": _CLUSTER, **fields})
        arn = machine.start_execution(stateMachineArn=self._application.machine_arn, input=given)["executionArn"]
        while (found := machine.describe_execution(executionArn=arn))["status"] == "RUNNING":
            time.sleep(0.05)
        if found["status"] != "SUCCEEDED":
            raise RuntimeError(f"{operation}: {found.get('error')}: {found.get('cause')}")

    def _builds(self) -> int:
        return len(self._application.client("codebuild").list_builds()["ids"])
