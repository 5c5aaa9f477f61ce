"""The cluster's bucket: build contexts and job scripts.

It is the cluster's own, or, when the configuration names a `CustomS3Bucket`, one prefix in the user's. The user's
bucket is never created, emptied or deleted; what goes with the cluster is the prefix whose marker object names its
stack. `Custom::EmptyBucket` writes that marker when the stack is created, and on deletion acts on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cleanup import custom_resource
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, arn, get_att, join, ref, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

BUCKET = "Bucket"
BUCKET_POLICY = "BucketPolicy"
EMPTY_BUCKET = "EmptyBucket"
"""The custom resource; everything that writes to the bucket depends on it, and so is deleted before."""

BUCKET_PARAMETER = "ResourcesS3Bucket"
"""The stack's parameter with the bucket's name, as AWS's Batch client reads it."""
ROOT_PARAMETER = "ArtifactS3RootDirectory"
"""The stack's parameter with the folder of the jobs in it, as AWS's Batch client reads it."""

JOBS = "jobs"
"""The folder of the jobs, below the prefix of the cluster."""
MEETINGS = "rendezvous"
"""Below the folder of the jobs: where the nodes of a multi-node job find each other."""
MEETING_DAYS = 1
"""Days after which what is left of one goes."""


def bucket_name(cluster: Cluster, site: Site) -> str:
    """The bucket the cluster keeps its objects in."""
    return cluster.custom_s3_bucket or names(site).bucket


def prefix(cluster: Cluster, site: Site) -> str:
    """Where the cluster's objects begin: empty in its own bucket, `shoal/genomics/` in the user's."""
    return f"{site.name_prefix}/{site.cluster_name}/" if cluster.custom_s3_bucket else ""


def context_key(cluster: Cluster, site: Site, tag: str) -> str:
    """Where the build context of an image lies in the bucket."""
    return f"{prefix(cluster, site)}build/{tag}/context.zip"


def parameters(cluster: Cluster, site: Site) -> dict[str, str]:
    """The stack's parameters that say where the cluster's objects are, with their values."""
    return {BUCKET_PARAMETER: bucket_name(cluster, site), ROOT_PARAMETER: f"{prefix(cluster, site)}{JOBS}"}


def bucket_arn(site: Site) -> Value:
    """The bucket's ARN, whoever's it is."""
    return arn(site, "s3", ref(BUCKET_PARAMETER), region=False, account=False)


def objects_arn(site: Site, *key: Value) -> Value:
    """The ARN of objects in the bucket."""
    return arn(site, "s3", ref(BUCKET_PARAMETER), "/", *key, region=False, account=False)


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The bucket unless it is the user's, and the custom resource that cleans it."""
    name: Value = ref(BUCKET_PARAMETER)
    if not cluster.custom_s3_bucket:
        name = ref(BUCKET)
        yield BUCKET, _bucket(cluster, site)
        yield BUCKET_POLICY, _tls_only()
    where = {"Prefix": prefix(cluster, site)} if cluster.custom_s3_bucket else {}
    yield (
        EMPTY_BUCKET,
        {
            "Type": custom_resource.EMPTY_BUCKET,
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "ServiceToken": site.empty_bucket_function,
                "ServiceTimeout": custom_resource.SERVICE_TIMEOUT,
                "BucketName": name,
                **where,
            },
        },
    )


def _bucket(cluster: Cluster, site: Site) -> Resource:
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketName": ref(BUCKET_PARAMETER),
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        # Main nodes delete what they read; of one that was lost before it did, this remains.
                        "Id": "meetings-of-nodes",
                        "Status": "Enabled",
                        "Prefix": f"{JOBS}/{MEETINGS}/",
                        "ExpirationInDays": MEETING_DAYS,
                        "NoncurrentVersionExpiration": {"NoncurrentDays": MEETING_DAYS},
                    },
                    {
                        "Id": "what-was-replaced",
                        "Status": "Enabled",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                    },
                    {
                        "Id": "abandoned-uploads",
                        "Status": "Enabled",
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    },
                ]
            },
            "Tags": tag_list(cluster, site),
        },
    }


def _tls_only() -> Resource:
    bucket = get_att(BUCKET, "Arn")
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": ref(BUCKET),
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [bucket, join(bucket, "/*")],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
    }
