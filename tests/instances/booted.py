"""What an instance that boots is asked from outside."""

from __future__ import annotations

from typing import Any, cast

from embedded_aws.instances import inside
from embedded_aws.process import Server
from tests.support.polling import until

SECONDS = 60.0


def shown(server: Server) -> dict[str, dict[str, Any]]:
    """What the embedded AWS tells of its booted instances, by id."""
    told = cast(dict[str, list[dict[str, Any]]], server.call("GET", "/_shoal/instances"))
    return {one["instanceId"]: one for one in told["instances"]}


def leader(server: Server, instance_id: str) -> int:
    """The process id of an instance's service manager, as soon as it has one."""
    return cast(int, until(lambda: shown(server).get(instance_id, {}).get("leader"), SECONDS, f"{instance_id} to boot"))


def shell(server: Server, instance_id: str, command: str, *, user: str = "", seconds: float = SECONDS) -> str:
    """Run a command that must succeed; what it wrote."""
    done = inside.run(leader(server, instance_id), command, user=user, seconds=seconds)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def succeeds(server: Server, instance_id: str, command: str) -> bool:
    """Whether a command succeeds, in an instance that may be starting."""
    found = shown(server).get(instance_id, {}).get("leader")
    return found is not None and inside.run(found, command).returncode == 0
