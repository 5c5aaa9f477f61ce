"""Answers, as JSON lines, what the released ParallelCluster makes of a configuration.

Runs in ParallelCluster's own environment and imports nothing of Shoal. A request is `{"ask": "keys"}` or
`{"ask": "load", "configuration": {...}}`; `tests.support.parallelcluster` is the other end.

Without AWS it asks ParallelCluster's schema, and then those of its validators that need no AWS.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from marshmallow import ValidationError, fields, validate
from pcluster.config.cluster_config import (
    AwsBatchClusterConfig,
    Resource,
    SharedEbs,
    SharedEfs,
    SlurmClusterConfig,
    SlurmComputeResource,
    SlurmFlexibleComputeResource,
    SlurmQueue,
    SlurmSettings,
)
from pcluster.constants import MAX_EBS_COUNT, MAX_EXISTING_STORAGE_COUNT, MAX_NEW_STORAGE_COUNT
from pcluster.schemas.cluster_schema import ClusterSchema
from pcluster.utils import to_pascal_case
from pcluster.validators import cluster_validators as rules
from pcluster.validators import ebs_validators as ebs
from pcluster.validators import slurm_settings_validator as slurm_rules
from pcluster.validators.common import FailureLevel, ValidatorContext

Problem = dict[str, str]
WITHOUT_AWS = {
    "AwsBatchComputeResourceSizeValidator",
    "CustomSlurmSettingsIncludeFileOnlyValidator",
    "CustomSlurmSettingsValidator",
    "DuplicateNameValidator",
    "EbsVolumeIopsValidator",
    "EbsVolumeThroughputIopsValidator",
    "EbsVolumeThroughputValidator",
    "EbsVolumeTypeSizeValidator",
    "EfsAccessPointOptionsValidator",
    "EfsMountOptionsValidator",
    "KmsKeyIdEncryptedValidator",
    "MaxCountValidator",
    "NameValidator",
    "SharedStorageEfsSettingsValidator",
    "SharedStorageNameValidator",
}
TYPES = {
    fields.Integer: "integer",
    fields.Boolean: "boolean",
    fields.String: "string",
    fields.Float: "number",
    fields.Dict: "mapping",
    fields.List: "list of strings",
    fields.Raw: "any",
}


def keys(schema: Any, prefix: str = "") -> Iterator[dict[str, Any]]:
    """Every key below a schema, with type and rules."""
    for name, field in schema.fields.items():
        path = prefix + (field.data_key or to_pascal_case(name))
        key = {"path": path, "required": field.required, **rules_of(field)}
        if isinstance(field, fields.Nested):
            many = field.many or getattr(field.schema, "many", False)
            yield key | {"type": "list of sections" if many else "section"}
            yield from keys(field.schema, f"{path}[]." if many else f"{path}.")
        elif isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
            yield key | {"type": "list of sections"}
            yield from keys(field.inner.schema, f"{path}[].")
        elif isinstance(field, fields.List) and isinstance(field.inner, fields.Dict):
            yield key | {"type": "list of mappings"}
        else:
            yield key | {"type": next(name for kind, name in TYPES.items() if isinstance(field, kind))}


def rules_of(field: Any) -> dict[str, Any]:
    """Choices, range and pattern of a field, or of a list's items."""
    found = {}
    for rule in [*field.validators, *getattr(getattr(field, "inner", None), "validators", [])]:
        if isinstance(rule, validate.OneOf):
            found["choices"] = list(rule.choices)
        elif isinstance(rule, validate.Range):
            found["range"] = [rule.min if rule.min_inclusive else rule.min + 1, rule.max]
        elif isinstance(rule, validate.Regexp):
            found["pattern"] = rule.regex.pattern
    return found


def load(configuration: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with a configuration, or its values with all defaults."""
    schema = ClusterSchema(cluster_name="oracle")
    try:
        cluster = schema.load(configuration)
    except ValidationError as error:
        return {"problems": list(paths(error.messages))}
    except (AttributeError, TypeError):
        return {"stumbles": True}
    if not isinstance(cluster, AwsBatchClusterConfig | SlurmClusterConfig):
        return {"problems": [{"path": "Scheduling.Scheduler", "message": "no such scheduler"}]}
    problems = [*below(cluster, ""), *whole(cluster)]
    return {"problems": problems} if problems else {"values": ClusterSchema(cluster_name="oracle").dump(cluster)}


def paths(messages: Any, prefix: str = "") -> Iterator[Problem]:
    """Marshmallow's tree of messages as a list with paths."""
    if isinstance(messages, dict):
        for key, value in messages.items():
            step = f"[{key}]" if isinstance(key, int) else "" if key == "_schema" else f".{key}"
            yield from paths(value, prefix + step)
    elif isinstance(messages, list) and any(isinstance(message, dict) for message in messages):
        for message in messages:
            yield from paths(message, prefix)
    else:
        yield {"path": prefix.lstrip("."), "message": str(messages)}


def below(resource: Any, path: str) -> Iterator[Problem]:
    """The rules of every part of a cluster that need no AWS."""
    for name, value in vars(resource).items():
        if name == "login_nodes":
            continue
        items = value if isinstance(value, list) else [value]
        for index, item in enumerate(items):
            if isinstance(item, Resource):
                place = f"{path}{'.' if path else ''}{section(name, item)}{f'[{index}]' if items is value else ''}"
                yield from failures(item, place)
                yield from below(item, place)


def section(attribute: str, item: Any) -> str:
    """The key of an attribute."""
    if isinstance(item, SlurmSettings):
        return "SlurmSettings"
    queues = "SlurmQueues" if isinstance(item, SlurmQueue) else "AwsBatchQueues"
    return queues if attribute == "queues" else to_pascal_case(attribute)


def failures(resource: Any, path: str) -> Iterator[Problem]:
    """The rules of one part that need no AWS."""
    if isinstance(resource, SlurmComputeResource | SlurmFlexibleComputeResource):
        yield from told(rules.NameValidator(), {"name": resource.name}, f"{path}.Name")
        return
    if isinstance(resource, SlurmQueue):
        yield from of_slurm_queue(resource, path)
        return
    resource._validators.clear()
    resource._register_validators(ValidatorContext())
    for validator, arguments in resource._validators:
        if validator.__name__ in WITHOUT_AWS:
            yield from told(validator(), arguments, path)


def of_slurm_queue(queue: Any, path: str) -> Iterator[Problem]:
    """Those of a Slurm queue, whose own list asks AWS for instance types and zones."""
    yield from told(rules.NameValidator(), {"name": queue.name}, f"{path}.Name")
    names = {"name_list": [item.name for item in queue.compute_resources], "resource_name": "Compute resource"}
    yield from told(rules.DuplicateNameValidator(), names, f"{path}.ComputeResources")
    yield from custom_settings(queue, "Queue", path)
    yield from root_volume(queue.compute_settings.local_storage.root_volume, f"{path}.ComputeSettings.LocalStorage")
    for index, item in enumerate(queue.compute_resources):
        place = f"{path}.ComputeResources[{index}]"
        sizes = {"min_count": item.min_count, "max_count": item.max_count, "capacity_type": queue.capacity_type}
        yield from told(rules.ComputeResourceSizeValidator(), sizes, place)
        yield from custom_settings(item, "ComputeResource", place)


def custom_settings(resource: Any, level: str, path: str) -> Iterator[Problem]:
    """Settings that ParallelCluster keeps for itself."""
    arguments = {
        "custom_settings": [resource.custom_slurm_settings or {}],
        "deny_list": slurm_rules.SLURM_SETTINGS_DENY_LIST[level]["Global"],
        "settings_level": slurm_rules.CustomSlurmSettingLevel(level),
    }
    yield from told(slurm_rules.CustomSlurmSettingsValidator(), arguments, f"{path}.CustomSlurmSettings")


def told(validator: Any, arguments: dict[str, Any], path: str) -> Iterator[Problem]:
    """What one rule says."""
    for result in validator.execute(**arguments):
        if result.level == FailureLevel.ERROR:
            yield {"path": path, "message": result.message}


def whole(cluster: Any) -> Iterator[Problem]:
    """The rules of the cluster as a whole that need no AWS."""
    scheduler = cluster.scheduling.scheduler
    yield from told(rules.SchedulerOsValidator(), {"os": cluster.image.os, "scheduler": scheduler}, "Image.Os")
    imds = {"imds_secured": cluster.head_node.imds.secured, "scheduler": scheduler}
    yield from told(rules.HeadNodeImdsValidator(), imds, "HeadNode.Imds.Secured")
    yield from root_volume(cluster.head_node.local_storage.root_volume, "HeadNode.LocalStorage")
    storages = cluster.shared_storage or []
    names = {"name_list": [storage.name for storage in storages], "resource_name": "Shared Storage"}
    yield from told(rules.DuplicateNameValidator(), names, "SharedStorage")
    ids = [getattr(s, "volume_id", None) or getattr(s, "file_system_id", None) for s in storages]
    existing = {"name_list": [identity for identity in ids if identity], "resource_name": "Shared Storage IDs"}
    yield from told(rules.DuplicateNameValidator(), existing, "SharedStorage")
    for index, storage in enumerate(storages):
        place = f"SharedStorage[{index}].MountDir"
        yield from told(rules.SharedStorageMountDirValidator(), {"mount_dir": storage.mount_dir}, place)
    mounts = {"shared_mount_dir_list": [storage.mount_dir for storage in storages], "local_mount_dir_list": []}
    yield from told(rules.OverlappingMountDirValidator(), mounts, "SharedStorage")
    pairs = {
        "shared_storage_name_mount_dir_tuple_list": [(s.name, s.mount_dir) for s in storages],
        "local_mount_dir_instance_types_dict": {},
    }
    yield from told(rules.DuplicateMountDirValidator(), pairs, "SharedStorage")
    yield from crowded(storages)


def root_volume(volume: Any, storage: str) -> Iterator[Problem]:
    """What ParallelCluster checks once it knows the AMI; a size that is not given passes."""
    size = {"volume_type": volume.volume_type, "volume_size": volume.size}
    place = f"{storage}.RootVolume"
    yield from told(ebs.EbsVolumeTypeSizeValidator(), size, place)
    iops = {"volume_iops": volume.iops, **size, "volume_size": volume.size or 10**6}
    yield from told(ebs.EbsVolumeIopsValidator(), iops, place)


def crowded(storages: list[Any]) -> Iterator[Problem]:
    """More storages of a kind than ParallelCluster allows."""
    limits = {"EBS": MAX_EBS_COUNT, "RAID": MAX_NEW_STORAGE_COUNT["raid"]}
    limits |= {"new EFS": MAX_NEW_STORAGE_COUNT["efs"], "existing EFS": MAX_EXISTING_STORAGE_COUNT["efs"]}
    counts = Counter(kind(storage) for storage in storages)
    for name, most in limits.items():
        arguments = {"storage_type": name, "max_number": most, "storage_count": counts[name]}
        yield from told(rules.NumberOfStorageValidator(), arguments, "SharedStorage")


def kind(storage: Any) -> str:
    """Which limit a storage counts towards."""
    if isinstance(storage, SharedEbs):
        return "RAID" if storage.raid else "EBS"
    if isinstance(storage, SharedEfs):
        return "existing EFS" if storage.file_system_id else "new EFS"
    return "FSx"


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        request = json.loads(line)
        if request["ask"] == "keys":
            answer = {"keys": list(keys(ClusterSchema(cluster_name="oracle")))}
        else:
            answer = load(request["configuration"])
        sys.stdout.write(json.dumps(answer, default=str) + "\n")
        sys.stdout.flush()


main()
