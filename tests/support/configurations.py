"""Configurations built key by key from what ParallelCluster's own schema says of each."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

type Key = Mapping[str, Any]
type Step = str | int

SUBNET = "subnet-0123456789abcdef0"
_SEEDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "SharedStorage": {"MountDir": "/shared", "Name": "shared", "StorageType": "Ebs"},
        "Tags": {"Key": "project", "Value": "genomes"},
        **{
            f"{section}.Iam.{key}": seed
            for section in ("HeadNode", "Scheduling.SlurmQueues[]")
            for key, seed in (
                ("AdditionalIamPolicies", {"Policy": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
                ("S3Access", {"BucketName": "data"}),
            )
        },
        **{
            f"{section}.CustomActions.{hook}": {"Script": "s3://mine/setup.sh"}
            for section in ("HeadNode", "Scheduling.SlurmQueues[]")
            for hook in ("OnNodeStart", "OnNodeConfigured", "OnNodeUpdated")
        },
        **{
            f"{section}.CustomActions.{hook}.Sequence": {"Script": "s3://mine/setup.sh"}
            for section in ("HeadNode", "Scheduling.SlurmQueues[]")
            for hook in ("OnNodeStart", "OnNodeConfigured", "OnNodeUpdated")
        },
        "Scheduling.SlurmQueues[].Tags": {"Key": "project", "Value": "genomes"},
        "Scheduling.SlurmQueues[].ComputeResources[].Tags": {"Key": "project", "Value": "genomes"},
        "SharedStorage[].EbsSettings.Raid": {"Type": 0},
        "SharedStorage[].EfsSettings": {},
    }
)
"""What a section needs before one of its keys can stand in it."""
COMPANIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "SharedStorage[].EbsSettings.KmsKeyId": {"Encrypted": True},
        "SharedStorage[].EfsSettings.KmsKeyId": {"Encrypted": True},
        "SharedStorage[].EfsSettings.ProvisionedThroughput": {"ThroughputMode": "provisioned"},
        "SharedStorage[].EfsSettings.AccessPointId": {
            "FileSystemId": "fs-0123456789abcdef0",
            "EncryptionInTransit": True,
        },
        "SharedStorage[].EfsSettings.IamAuthorization": {"EncryptionInTransit": True},
        "SharedStorage[].EfsSettings.ThroughputMode": {"ProvisionedThroughput": 8},
        "HeadNode.SharedStorageEfsSettings": {"SharedStorageType": "Efs"},
        **{
            f"{section}ContainerImage.{key}": {"Context": "s3://mine/one.zip"}
            for section in ("", "Scheduling.AwsBatchQueues[].")
            for key in ("BuildArgs", "Dockerfile", "Target")
        },
    }
)
"""Keys of the same section without which a key is refused."""
_WORDS: Mapping[str, st.SearchStrategy[Any]] = MappingProxyType(
    {
        "Region": st.sampled_from(["us-east-1", "eu-west-1"]),
        "Image.Os": st.just("alinux2023"),
        "HeadNode.InstanceType": st.sampled_from(["t3.micro", "m6i.large"]),
        "HeadNode.Imds.Secured": st.just(False),
        "HeadNode.Ssh.AllowedIps": st.sampled_from(["192.0.2.0/24", "0.0.0.0/0", "pl-abc123"]),
        "Scheduling.Scheduler": st.just("awsbatch"),
        "SharedStorage[].StorageType": st.just("Ebs"),
        "SharedStorage[].EbsSettings.Iops": st.integers(3000, 4000),
        "SharedStorage[].EbsSettings.Size": st.integers(20, 16384),
        "SharedStorage[].EbsSettings.Throughput": st.integers(125, 750),
        **{
            f"{place}.LocalStorage.{key}": strategy
            for place in ("HeadNode", "Scheduling.SlurmQueues[].ComputeSettings")
            for key, strategy in (
                ("RootVolume.Iops", st.integers(3000, 16000)),
                ("RootVolume.Size", st.integers(40, 16384)),
                ("RootVolume.Throughput", st.integers(125, 750)),
                ("RootVolume.VolumeType", st.sampled_from(["gp2", "gp3"])),
                ("EphemeralVolume.MountDir", st.sampled_from(["/scratch", "/local/scratch", "fast"])),
            )
        },
        **{
            f"{place}.CustomActions.{hook}.Script": st.sampled_from(["s3://bucket/script.sh", "https://test.tgz"])
            for place in ("HeadNode", "Scheduling.SlurmQueues[]")
            for hook in ("OnNodeStart", "OnNodeConfigured", "OnNodeUpdated")
        },
        "Scheduling.SlurmSettings.Dns.DisableManagedDns": st.just(True),
        "Scheduling.ScalingStrategy": st.just("best-effort"),
        "SharedStorage[].EbsSettings.VolumeType": st.sampled_from(["gp2", "gp3", "standard"]),
        "Scheduling.AwsBatchQueues[].ComputeResources[].MinvCpus": st.integers(0, 10),
        "Scheduling.AwsBatchQueues[].ComputeResources[].DesiredvCpus": st.integers(0, 10),
        "Scheduling.AwsBatchQueues[].ComputeResources[].MaxvCpus": st.integers(10, 10_000),
        "SharedStorage[].EfsSettings.ThroughputMode": st.just("provisioned"),
        "SharedStorage[].MountDir": st.from_regex(r"/?(data|work|home)[a-z]{0,8}(/[a-z]{1,8})?", fullmatch=True),
        "DevSettings.Cookbook.ExtraChefAttributes": st.just("{}"),
    }
)
"""Values for keys whose rules are not in the schema."""
_TEXT = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=3, max_size=20).map(lambda text: f"a{text}")
_PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)


SLURM_PATHS = (
    "Scheduling.Slurm",
    "Scheduling.ScalingStrategy",
    "HeadNode.CustomActions.OnNodeUpdated",
    "DevSettings.Timeouts.ComputeNodeBootstrapTimeout",
)
"""Keys of Slurm clusters alone begin with one of these."""


def base_of(path: str) -> dict[str, Any]:
    """The smallest configuration in which a key may stand."""
    return slurm_base() if path.startswith(SLURM_PATHS) else base()


def slurm_base() -> dict[str, Any]:
    """The smallest configuration for Slurm."""
    resource = {"Name": "resource", "InstanceType": "c6i.large"}
    queue = {"Name": "queue", "Networking": {"SubnetIds": [SUBNET]}, "ComputeResources": [resource]}
    return {
        "Image": {"Os": "ubuntu2404"},
        "HeadNode": {"InstanceType": "t3.micro", "Networking": {"SubnetId": SUBNET}},
        "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [queue]},
    }


def base() -> dict[str, Any]:
    """The smallest configuration that ParallelCluster accepts for AWS Batch."""
    return {
        "Image": {"Os": "alinux2023"},
        "HeadNode": {"InstanceType": "t3.micro", "Networking": {"SubnetId": SUBNET}, "Imds": {"Secured": False}},
        "Scheduling": {
            "Scheduler": "awsbatch",
            "AwsBatchQueues": [
                {
                    "Name": "queue",
                    "Networking": {"SubnetIds": [SUBNET]},
                    "ComputeResources": [{"Name": "resource", "InstanceTypes": ["c6i.large"]}],
                }
            ],
        },
    }


def steps(path: str) -> list[str]:
    """`Tags[].Key` as `["Tags[]", "Key"]`."""
    return path.split(".")


def parent(configuration: dict[str, Any], path: str) -> dict[str, Any]:
    """The section in which a key stands, made if it is not there; the first item of a list."""
    section: Any = configuration
    walked = ""
    for step in steps(path)[:-1]:
        name = step.removesuffix("[]")
        walked += f"{'.' if walked else ''}{name}"
        seed = copy.deepcopy(dict(_SEEDS.get(walked, {})))
        if name == "Instances":
            section.pop("InstanceType", None)
        if step.endswith("[]"):
            section = section.setdefault(name, [seed])[0]
            walked += "[]"
        else:
            section = section.setdefault(name, seed)
        if walked == "SharedStorage[].EfsSettings" and isinstance(configuration["SharedStorage"], list):
            configuration["SharedStorage"][0]["StorageType"] = "Efs"
        if walked == "HeadNode.SharedStorageEfsSettings":
            configuration["HeadNode"]["SharedStorageType"] = "Efs"
    assert isinstance(section, dict)
    return section


def put(configuration: dict[str, Any], path: str, value: object) -> None:
    """Set a key, and what must stand beside it; a section that is there stays."""
    section = parent(configuration, path)
    for name, companion in COMPANIONS.get(path, {}).items():
        section.setdefault(name, companion)
    if path == "SharedStorage[].EfsSettings":
        configuration["SharedStorage"][0]["StorageType"] = "Efs"
    if path.endswith(".SpotPrice"):
        configuration["Scheduling"]["SlurmQueues"][0]["CapacityType"] = "SPOT"
    name = steps(path)[-1]
    if name == "Instances":
        section.pop("InstanceType", None)
    if not (name in section and isinstance(value, dict | list)):
        section[name] = value


def values(key: Key, keys: list[dict[str, Any]]) -> st.SearchStrategy[Any]:
    """Right values of a key, as far as the schema tells."""
    if key["path"] in _WORDS:
        return _WORDS[key["path"]]
    if key["type"] == "section":
        return _sections(key["path"], keys)
    if key["type"] == "list of sections":
        return _sections(f"{key['path']}[]", keys).map(lambda section: [section])
    if key["type"] == "list of strings":
        return st.lists(_strings(key), min_size=1, max_size=1)
    plain = {
        "boolean": st.booleans(),
        "any": st.booleans(),
        "mapping": st.just({}),
        "list of mappings": st.just([{}]),
        "number": st.integers(1, 9),
    }
    return _integers(key) if key["type"] == "integer" else plain.get(key["type"], _strings(key))


def _integers(key: Key) -> st.SearchStrategy[int]:
    if "choices" in key:
        return st.sampled_from(key["choices"])
    least, most = key.get("range", (1, None))
    return st.integers(least, most or least + 5000)


def _strings(key: Key) -> st.SearchStrategy[str]:
    if "choices" in key:
        return st.sampled_from(key["choices"])
    if "pattern" in key:
        return (
            st.from_regex(key["pattern"], alphabet=_PRINTABLE).map(str.strip).filter(re.compile(key["pattern"]).match)
        )
    return _TEXT


def _sections(path: str, keys: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    required = [key for key in keys if key["required"] and key["path"].rpartition(".")[0] == path]
    return st.fixed_dictionaries({key["path"].rpartition(".")[2]: values(key, keys) for key in required})


WRONG = MappingProxyType(
    {
        "integer": ("many", [], {}, True, None),
        "boolean": ("perhaps", [], {}, 7, None),
        "string": (7, True, [], {}, None),
        "list of strings": ("text", 7, {}, None, [7], [None]),
        "list of sections": ("text", 7, {}, None, ["text"], [None]),
        "section": ("text", 7, [], True, None),
        "mapping": ("text", 7, [], None),
        "list of mappings": ("text", 7, {}, None, ["text"]),
        "number": ("many", [], None),
        "any": (None,),
    }
)
"""Values of the wrong type for each type."""


def breakages(key: Key) -> st.SearchStrategy[tuple[str, Any]]:
    """Ways to break one place: `("set", value)`, `("remove", None)` or `("misspell", None)`."""
    ways: list[tuple[str, Any]] = [("set", value) for value in WRONG[key["type"]]]
    if "range" in key:
        least, most = key["range"]
        ways += [("set", least - 1)] + ([("set", most + 1)] if most else [])
    if "choices" in key:
        ways.append(("set", "no-such-choice" if key["type"] == "string" else 99))
    if "pattern" in key:
        ways.append(("set", "no such form"))
    if key["required"]:
        ways.append(("remove", None))
    return st.sampled_from([*ways, ("misspell", None)])


def break_one(configuration: dict[str, Any], path: str, way: tuple[str, Any]) -> None:
    """Break the key at a path, which stands in the configuration or will."""
    section, name = parent(configuration, path), steps(path)[-1]
    kind, value = way
    if kind == "set":
        section[name] = value
    elif kind == "remove":
        section.pop(name, None)
    else:
        section[f"{name}x"] = section.pop(name, "value")
