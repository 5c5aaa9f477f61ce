"""What a run leaves behind: the embedded AWS's whole state before and after, and no code of Shoal's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from embedded_aws import process

State = Mapping[str, Mapping[str, str]]
"""Facts by id, by type; see `embedded_aws.collector`."""
HISTORY = "AWS::S3::Object"
REMARK = "the Region's bucket keeps configurations, sites, templates and node packages by version, as history"


def state(server: process.Server) -> State:
    """Everything that exists in the account now."""
    return cast(State, server.call("GET", "/_shoal/state"))


def left_behind(before: State, after: State, region_bucket: str) -> list[str]:
    """What exists after and did not before, a line each; what the Region's bucket keeps is history.

    Args:
        before: the state at first.
        after: the state at last.
        region_bucket: the control plane's own bucket; its objects do not count, everything else does.
    """
    return sorted(
        f"{kind} {name}"
        for kind, found in after.items()
        for name in set(found) - set(before.get(kind, {}))
        if not (kind == HISTORY and name.startswith(f"{region_bucket}/"))
    )


def made_for_the_account(iam: Any) -> list[str]:
    """Names of the service-linked roles; AWS makes each once for an account, and every later cluster uses it."""
    return sorted(role["RoleName"] for role in iam.list_roles(PathPrefix="/aws-service-role/")["Roles"])
