"""The limits that Shoal asserts, with the numbers that the code has."""
# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from shoal.aws.contexts import MOST_OBJECTS
from shoal.cleanup import custom_resource, images, leftovers, versions
from shoal.cluster import batch, mounts, tags
from shoal.cluster.blueprint import LARGEST_TEMPLATE
from shoal.image import arguments
from shoal.image.context_faults import LIMITS as CONTEXT
from shoal.image.context_faults import MIB
from shoal.image.order import BUILD_MINUTES
from shoal.ledger import HISTORY
from shoal.operation.request import INLINE_CONFIGURATION_BYTES, LARGEST_PAGE
from shoal.planning import LARGEST_ANSWER

AWS = "https://docs.aws.amazon.com"

_OF_A_REQUEST = (
    ("length of a cluster's name", "31", "role names of 64 characters, bucket names of 63", "IAM/latest/UserGuide/reference_iam-quotas.html"),
    ("`clusterConfiguration` in an input", f"{INLINE_CONFIGURATION_BYTES // 1024} KB", "an input has at most 256 KiB; a larger file is named by `clusterConfigurationUri`", "step-functions/latest/dg/service-quotas.html"),
    ("a plan in an answer", f"{LARGEST_ANSWER // 1024} KB", "a larger one lies in the Region's bucket, and `planUri` names it", "step-functions/latest/dg/service-quotas.html"),
    ("clusters on a page of `list`", f"{LARGEST_PAGE}", "the same limit of a state's data", "step-functions/latest/dg/service-quotas.html"),
    ("`deadlineMinutes`", "5 to 1440", "Shoal's own; an execution may last a year", "step-functions/latest/dg/service-quotas.html"),
    ("history of an operation", f"{HISTORY.days} days", "Shoal's own; Step Functions keeps an execution's history for 90 days", "step-functions/latest/dg/service-quotas.html"),
)  # fmt: skip
_OF_A_CLUSTER = (
    ("queues", f"{batch.MOST_QUEUES}", "Shoal's own; ParallelCluster has one with AWS Batch", "parallelcluster/latest/ug/Scheduling-v3.html"),
    ("compute resources of a queue", f"{batch.MOST_COMPUTE_RESOURCES}", "compute environments of a Batch queue", "batch/latest/userguide/service_limits.html"),
    ("architectures of a queue", "1", "one AMI for each environment, one image for each job definition", "batch/latest/userguide/compute_resource_AMIs.html"),
    ("EBS volumes", f"{mounts.MOST_EBS_VOLUMES}", "an instance has 28 attachments, its network interface and root volume among them", "AWSEC2/latest/UserGuide/volume_limits.html"),
    ("RAID arrays", f"{mounts.MOST_RAID_ARRAYS}", "ParallelCluster's", "parallelcluster/latest/ug/SharedStorage-v3.html"),
    ("new EFS file systems", f"{mounts.MOST_NEW_FILE_SYSTEMS}", "ParallelCluster's", "parallelcluster/latest/ug/SharedStorage-v3.html"),
    ("existing EFS file systems", f"{mounts.MOST_EXISTING_FILE_SYSTEMS}", "ParallelCluster's", "parallelcluster/latest/ug/SharedStorage-v3.html"),
    ("tags in a configuration", f"{tags.MOST_TAGS}", "a resource has 50; Shoal and CloudFormation add theirs", "IAM/latest/UserGuide/id_tags.html"),
    ("size of a template", f"{LARGEST_TEMPLATE:,} bytes", "CloudFormation's, from S3", "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"),
    ("time for the jobs when an update retires instances", f"{batch.UPDATE_TIMEOUT} minutes", "Shoal's own; Batch's is configurable", "batch/latest/userguide/updating-compute-environments.html"),
    ("arguments of an image's Dockerfile", f"{arguments.MOST_ARGUMENTS}, of {arguments.LONGEST_ARGUMENTS:,} characters in all", "they travel through the state machines; a variable of a build has 4,096 characters", "codebuild/latest/APIReference/API_EnvironmentVariable.html"),
    ("a build context", f"{CONTEXT.content // MIB} MiB in {CONTEXT.files:,} files, as a zip archive {CONTEXT.archive // MIB} MiB, in S3 below a prefix {MOST_OBJECTS:,} objects", "Shoal's own; functions hold it in memory, and one may run for 15 minutes", "lambda/latest/dg/gettingstarted-limits.html"),
    ("time of a build", f"{BUILD_MINUTES[0]} to {BUILD_MINUTES[1]} minutes", "CodeBuild's least; the upper end is Shoal's own", "codebuild/latest/APIReference/API_StartBuild.html"),
)  # fmt: skip
_OF_DELETION = (
    ("keys in one `DeleteObjects`", f"{versions.KEYS:,}", "S3's", "AmazonS3/latest/API/API_DeleteObjects.html"),
    ("images in one `BatchDeleteImage`", f"{images.IDS}", "ECR's", "AmazonECR/latest/APIReference/API_BatchDeleteImage.html"),
    ("time of a custom resource", f"{(custom_resource.SERVICE_TIMEOUT - custom_resource.ANSWER_MARGIN) // 60} minutes", f"`ServiceTimeout` is {custom_resource.SERVICE_TIMEOUT // 60} minutes, CloudFormation's most", "AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html"),
    ("waiting for what is on its way out", f"{leftovers.LIMIT.seconds // 60} minutes", "Shoal's own", ""),
)  # fmt: skip


def blocks() -> dict[str, str]:
    """The generated tables by the name of their block."""
    return {"request": _table(_OF_A_REQUEST), "cluster": _table(_OF_A_CLUSTER), "deletion": _table(_OF_DELETION)}


def _table(rows: tuple[tuple[str, str, str, str], ...]) -> str:
    lines = ["| what | limit | why | source |", "|---|---|---|---|"]
    for what, limit, why, page in rows:
        source = f"[AWS]({AWS}/{page})" if page else ""
        lines.append(f"| {what} | {limit} | {why} | {source} |")
    return "\n".join(lines)
