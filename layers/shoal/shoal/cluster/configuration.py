"""The configuration of a cluster: its root section, and how it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from shoal.cluster.container_image import ContainerImage
from shoal.cluster.dev_settings import DevSettings
from shoal.cluster.grammar import Change, Code, Location, Matching, Only, Refused, Section, Unique, Violation
from shoal.cluster.head_node import HeadNode, Imds
from shoal.cluster.iam import Iam
from shoal.cluster.image import Image
from shoal.cluster.kinds import SLURM, Kind, out_of_kind
from shoal.cluster.lifecycle import Lifecycle
from shoal.cluster.monitoring import Monitoring
from shoal.cluster.problems import ConfigurationError, Problem, make, merged, of_validation, places
from shoal.cluster.reading import forbidden, mapping, parse, readable
from shoal.cluster.rules import further
from shoal.cluster.scheduling import Scheduling
from shoal.cluster.storage import SharedStorages
from shoal.cluster.tags import MOST_TAGS, Tag


class Cluster(Section):
    """A cluster."""

    region: Annotated[str | None, Change.FIXED, Matching(r"[a-z]{2,}(-[a-z]+)+-\d+", "a Region like `eu-west-1`")] = (
        None
    )
    """Region of the cluster; it must be the one Shoal runs in."""
    image: Image
    """Operating system of the nodes."""
    head_node: HeadNode
    """The instance that users log in to."""
    scheduling: Scheduling
    """Scheduler and queues."""
    shared_storage: SharedStorages = ()
    """Directories that the head node and all jobs see."""
    iam: Iam = Iam()
    """How the cluster's roles are made."""
    monitoring: Monitoring = Monitoring()
    """Logs, metrics, dashboard and alarms."""
    tags: Annotated[tuple[Tag, ...], Change.REPLACES, Field(max_length=MOST_TAGS), Unique("Key")] = ()
    """Tags on everything that belongs to the cluster. Batch cannot change those of a compute environment."""
    custom_s3_bucket: Annotated[
        str | None,
        Change.FIXED,
        Matching(r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}", "the name of a bucket"),
        Only("awsbatch", "it has no bucket", "remove the key"),
    ] = None
    """Existing bucket to use instead of one made for this cluster; only the cluster's prefix in it is ever cleaned."""
    imds: Imds = Imds()
    """Version of the instance metadata service."""
    dev_settings: DevSettings = DevSettings()
    """Settings for developers."""
    container_image: Annotated[
        ContainerImage | None, Only("awsbatch", "its jobs run on the nodes themselves", "write Image.CustomAmi")
    ] = None
    """A ready container image for the jobs, instead of one that Shoal builds."""
    lifecycle: Lifecycle = Lifecycle()
    """What Shoal does with the cluster beyond what ParallelCluster does."""
    login_nodes: Annotated[None, Refused("there are no login nodes yet", "let users log in to the head node")] = None
    """Nodes for users to log in to, beside the head node."""
    additional_packages: Annotated[
        None, Refused("Intel's platform software is not installed", "bring it in the container image, or in an AMI")
    ] = None
    """Software to install on the nodes."""
    directory_service: Annotated[
        None, Refused("nodes join no directory yet", "make the users with CustomActions, or in an AMI")
    ] = None
    """Directory service for user accounts."""
    additional_resources: Annotated[
        None, Refused("a cluster's stack holds the cluster only", "deploy the template as a stack of its own")
    ] = None
    """Another template to deploy with the cluster."""
    deployment_settings: Annotated[
        None,
        Refused(
            "a cluster's stack has no Lambda functions to place in a VPC, and the default user stays as the AMI has it",
            "remove the section",
        ),
    ] = None
    """How the cluster's Lambda functions are deployed, and what the default user may do."""

    @property
    def kind(self) -> Kind:
        """The kind of the cluster: `awsbatch` or `slurm`."""
        return self.scheduling.scheduler

    @property
    def secured_metadata(self) -> bool:
        """Whether only root reads the head node's metadata."""
        given = self.head_node.imds.secured
        return self.kind == SLURM if given is None else given

    def rules(self) -> Iterator[Violation]:
        """No shared directory over a node's own disks, and no more tags on a node than AWS takes."""
        yield from self._scratch("HeadNode", self.head_node.local_storage.ephemeral_volume.mount_dir)
        for index, queue in enumerate(self.scheduling.slurm_queues):
            place = f"Scheduling.SlurmQueues[{index}].ComputeSettings"
            yield from self._scratch(place, queue.compute_settings.local_storage.ephemeral_volume.mount_dir)
            for number, resource in enumerate(queue.compute_resources):
                own = {tag.key for tag in (*queue.tags, *resource.tags)}
                if len(own.union(tag.key for tag in self.tags)) > MOST_TAGS:
                    at = ("Scheduling", "SlurmQueues", index, "ComputeResources", number, "Tags")
                    message = "are too many with those of the queue and the cluster, which nodes have as well"
                    yield Violation(at, message, f"write at most {MOST_TAGS} keys together", Code.OUT_OF_RANGE)

    def _scratch(self, place: str, mount_dir: str) -> Iterator[Violation]:
        scratch = f"/{mount_dir.strip('/')}/"
        for storage in self.shared_storage:
            shared = f"{storage.mount_point}/"
            if shared != scratch and (shared.startswith(scratch) or scratch.startswith(shared)):
                message = f"the MountDir of {storage.name} overlaps with that of {place}.LocalStorage.EphemeralVolume"
                yield Violation(
                    "SharedStorage", message, "write directories of which none contains the other", Code.CONFLICT
                )

    def meaning(self) -> dict[str, Any]:
        """The configuration with every default, as JSON values."""
        document = self.model_dump(mode="json", by_alias=True)
        document["HeadNode"]["Imds"]["Secured"] = self.secured_metadata
        return document

    def dump(self) -> dict[str, Any]:
        """The configuration as it was written: Pascal case, JSON values, no default that was not given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def load(document: str | Mapping[str, Any], *, region: str | None = None, name_prefix: str | None = None) -> Cluster:
    """Read a configuration.

    Args:
        document: YAML or JSON text, or the mapping it holds.
        region: the Region Shoal runs in; a configuration for another one is refused.
        name_prefix: prefix of the names of Shoal's own buckets, which no configuration may use.

    Raises:
        ConfigurationError: with everything that is wrong with it.
    """
    data = parse(document) if isinstance(document, str) else mapping(document)
    problems = [*forbidden(data), *_out_of_place(data, region, name_prefix), *out_of_kind(Cluster, data)]
    if any(problem.code == Code.UNREADABLE for problem in problems):
        raise ConfigurationError(tuple(problems))
    try:
        cluster = Cluster.model_validate(readable(data))
    except ValidationError as error:
        told = [*of_validation(error, Cluster), *further(Cluster, readable(data), places(error))]
        problems = merged(problems, told)
    if problems:
        raise ConfigurationError(tuple(problems))
    return cluster


def _out_of_place(data: Mapping[str, Any], region: str | None, name_prefix: str | None) -> Iterator[Problem]:
    if region and isinstance(given := data.get("Region"), str) and given != region:
        yield make(("Region",), Code.FORBIDDEN, f"is not {region}, where Shoal runs", f"write {region}, or remove it")
    bucket = data.get("CustomS3Bucket")
    if name_prefix and isinstance(bucket, str) and bucket.startswith(f"{name_prefix}-"):
        yield make(("CustomS3Bucket",), Code.FORBIDDEN, "is one of Shoal's own buckets", "name a bucket of yours")
    if region:
        yield from _directories(data, ())


def _directories(data: object, at: Location) -> Iterator[Problem]:
    """Build contexts that are directories: where Shoal runs there are none."""
    items = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        here = (*at, key)
        if here[-2:] == ("ContainerImage", "Context") and isinstance(value, str) and "://" not in value:
            message = "is a directory, which only the command line can upload"
            yield make(here, Code.FORBIDDEN, message, "start with `shoal`, or write s3://bucket/key.zip")
        else:
            yield from _directories(value, here)
