"""The vocabulary of a CloudFormation template: references, joins, ARNs and tags, as plain values.

Values join with `Fn::Join`, never `Fn::Sub`: a configuration value that holds `${...}` stays text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shoal.cluster.site import Site

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

type Resource = dict[str, Any]
"""A resource as CloudFormation reads it: `Type`, `Properties`, `DependsOn`, `DeletionPolicy`, ..."""
type Value = Any
"""A string, or an intrinsic function that becomes one."""
type Statement = dict[str, Any]
"""A statement of an IAM policy."""

SCHEDULER = "Scheduler"
"""The stack's parameter that names the kind of the cluster, as AWS's Batch client reads it."""
CLUSTER_TAG = "shoal:cluster"
KIND_TAG = "shoal:kind"


def logical_id(kind: str, *names: str) -> str:
    """A logical id for something that users name: letters and digits, never the same for two sets of names."""
    words = "".join(word[0].upper() + word[1:] for name in names for word in re.findall(r"[A-Za-z0-9]+", name))
    return f"{kind}{words}{hashlib.sha256('\0'.join(names).encode()).hexdigest()[:6].upper()}"


def ref(logical_id: str) -> Value:
    """What `Ref` gives for a resource or a parameter."""
    return {"Ref": logical_id}


def get_att(logical_id: str, attribute: str) -> Value:
    """An attribute of a resource."""
    return {"Fn::GetAtt": [logical_id, attribute]}


def join(*parts: Value) -> Value:
    """The parts, one after the other; a plain string when all of them are."""
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return {"Fn::Join": ["", list(parts)]}


def arn(site: Site, service: str, *resource: Value, region: bool = True, account: bool = True) -> Value:
    """The ARN of a resource in the cluster's partition.

    Args:
        site: gives partition, Region and account.
        service: the service's namespace, `s3` for example.
        resource: the last part of the ARN, in pieces that may be intrinsic functions.
        region: whether the ARN names the Region; those of S3 and IAM do not.
        account: whether the ARN names the account; those of S3 do not.
    """
    where = f"{site.region if region else ''}:{site.account_id if account else ''}"
    return join(f"arn:{site.partition}:{service}:{where}:", *resource)


def allow(sid: str, *actions: str, on: Value | Sequence[Value] = (), **conditions: dict[str, Value]) -> Statement:
    """A statement of a policy.

    Args:
        sid: what it is for, in Pascal case; empty in a trust policy.
        actions: what it allows.
        on: the resource or resources; none in a trust policy.
        conditions: by operator, `StringEquals={"iam:PassedToService": ...}`.
    """
    resources = on if isinstance(on, str | dict) else list(on)
    return {
        **({"Sid": sid} if sid else {}),
        "Effect": "Allow",
        "Action": list(actions),
        **({"Resource": resources} if resources else {}),
        **({"Condition": conditions} if conditions else {}),
    }


def tag_map(cluster: Cluster, site: Site) -> dict[str, str]:
    """Every tag of the cluster's resources: its name, its kind, and the configuration's own."""
    own = {CLUSTER_TAG: site.cluster_name, KIND_TAG: cluster.kind}
    return own | {tag.key: tag.value for tag in cluster.tags or ()}


def tag_list(cluster: Cluster, site: Site, **more: str) -> list[dict[str, str]]:
    """The tags in the form of most resource types; `more` adds tags of this resource only, `Name` for example."""
    return [{"Key": key, "Value": value} for key, value in (tag_map(cluster, site) | more).items()]
