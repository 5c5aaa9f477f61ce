"""Roles: what the head node, the jobs and the services of a cluster may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from shoal.cluster.grammar import Change, Matching, Refused, Section, Unique, Violation
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Statement, Value, allow, ref, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster


class S3Access(Section):
    """A bucket, or keys in it, that the head node and the jobs may use."""

    bucket_name: Annotated[str, Change.LIVE, Matching(r"[*a-z0-9\-.]+", "a bucket name, `*` for a part of it")]
    """Name of the bucket; `*` stands for any characters."""
    key_name: Annotated[str | None, Change.LIVE] = None
    """Key, or keys with `*`; without it the whole bucket."""
    enable_write_access: Annotated[bool, Change.LIVE] = False
    """Whether objects may be written and deleted as well."""


class AdditionalIamPolicy(Section):
    """A managed policy attached to the roles of the head node and of the jobs."""

    policy: Annotated[str, Change.LIVE, Matching(r"arn:.*:policy/.*", "the ARN of a managed policy")]
    """ARN of the policy. The permissions boundary of the cluster limits what it grants."""


class HeadNodeIam(Section):
    """What the head node, and the jobs with it, may do beyond what the cluster needs."""

    instance_role: Annotated[str | None, Change.LIVE, Matching(r"arn:.*:role/.*", "the ARN of an IAM role")] = None
    """ARN of an existing role to use instead of one made for this cluster."""
    instance_profile: Annotated[
        str | None, Change.LIVE, Matching(r"arn:.*:instance-profile/.*", "the ARN of an instance profile")
    ] = None
    """ARN of an existing instance profile to use instead of one made for this cluster."""
    additional_iam_policies: Annotated[tuple[AdditionalIamPolicy, ...], Change.LIVE, Unique("Policy")] = ()
    """Managed policies to attach to the roles of the head node and of the jobs."""
    s3_access: Annotated[tuple[S3Access, ...], Change.LIVE] = ()
    """Buckets that the head node and the jobs may use."""

    def rules(self) -> Iterator[Violation]:
        """One of a role, a profile and policies; S3Access only where the role is the cluster's own."""
        given = [key for key in ("InstanceRole", "InstanceProfile", "AdditionalIamPolicies") if self.value_of(key)]
        for key in given[1:]:
            yield Violation(key, f"cannot be combined with {given[0]}", f"keep one of {' and '.join(given)}")
        for key in ("InstanceRole", "InstanceProfile"):
            if self.s3_access and self.value_of(key):
                yield Violation("S3Access", f"cannot be combined with {key}", f"grant the access in the role of {key}")


class QueueIam(HeadNodeIam):
    """What a queue's nodes, and the jobs on them, may do beyond what the cluster needs."""

    instance_profile: Annotated[
        str | None, Change.ROLLS, Matching(r"arn:.*:instance-profile/.*", "the ARN of an instance profile")
    ] = None
    """ARN of an existing instance profile to use instead of one made for this cluster."""
    additional_iam_policies: Annotated[tuple[AdditionalIamPolicy, ...], Change.LIVE, Unique("Policy")] = ()
    """Managed policies to attach to the role of the nodes."""
    s3_access: Annotated[tuple[S3Access, ...], Change.LIVE] = ()
    """Buckets that the nodes and the jobs may use."""


class Roles(Section):
    """Existing roles."""

    lambda_functions_role: Annotated[
        None, Refused("a cluster's stack has no Lambda functions of its own", "remove the key; nothing replaces it")
    ] = None
    """Role of the cluster's Lambda functions."""


class Iam(Section):
    """How the cluster's roles are made."""

    roles: Roles = Roles()
    """Existing roles."""
    permissions_boundary: Annotated[
        None,
        Refused(
            "one boundary, fixed for the control plane, limits every role: no configuration can choose a wider one",
            "remove the key and deploy the control plane with that policy as its parameter PermissionsBoundaryArn",
        ),
    ] = None
    """Policy that bounds every role of the cluster."""
    resource_prefix: Annotated[
        None,
        Refused(
            "path and name prefix are fixed for the control plane, whose own rights end at them",
            "remove the key and deploy the control plane with its parameters IamPath and NamePrefix",
        ),
    ] = None
    """Path and prefix of the names of IAM resources."""


# ---- resources


def role(
    cluster: Cluster,
    site: Site,
    purpose: str,
    service: str,
    statements: Sequence[Statement],
    managed_policies: Sequence[Value] = (),
) -> Resource:
    """A role of the cluster: under the control plane's path and boundary, named after cluster and purpose.

    Args:
        cluster: gives the tags.
        site: gives name, path and boundary.
        purpose: what the role is for, `build` for example; the end of its name.
        service: who assumes it, without the partition's suffix, `codebuild` for example; on behalf of this account
            only, where the service says on whose behalf it acts (EC2 does not).
        statements: what it may do.
        managed_policies: ARNs of policies that the user attaches.
    """
    own = {} if service == "ec2" else {"StringEquals": {"aws:SourceAccount": site.account_id}}
    trust = allow("", "sts:AssumeRole", **own) | {"Principal": {"Service": f"{service}.{site.url_suffix}"}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": names(site).role(purpose),
            "Path": site.iam_path,
            "PermissionsBoundary": site.permissions_boundary,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {"PolicyName": purpose, "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
            ],
            **({"ManagedPolicyArns": list(managed_policies)} if managed_policies else {}),
            "Tags": tag_list(cluster, site),
        },
    }


def instance_profile(site: Site, purpose: str, role_id: str) -> Resource:
    """The instance profile that gives an instance the role with this logical id."""
    return {
        "Type": "AWS::IAM::InstanceProfile",
        "Properties": {
            "InstanceProfileName": names(site).role(purpose),
            "Path": site.iam_path,
            "Roles": [ref(role_id)],
        },
    }


def s3_access(site: Site, granted: Sequence[S3Access]) -> Iterator[Statement]:
    """As in ParallelCluster: a bucket with everything in it, or some keys; read, or read and write."""
    if granted:
        yield allow("S3Read", "s3:Get*", "s3:List*", on=[arn_ for access in granted for arn_ in _s3_arns(site, access)])
    written = [access for access in granted if access.enable_write_access]
    if written:
        yield allow(
            "S3Write",
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:PutObject",
            "s3:PutObjectTagging",
            on=[_s3_arns(site, access)[-1] for access in written],
        )


def _s3_arns(site: Site, access: S3Access) -> list[str]:
    names = [f"{access.bucket_name}/{access.key_name}"]
    if not access.key_name:
        names = [access.bucket_name, f"{access.bucket_name}/*"]
    return [f"arn:{site.partition}:s3:::{name}" for name in names]
