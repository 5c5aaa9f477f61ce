"""ParallelCluster 3.15.1 and Shoal, asked about the same configurations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from shoal.cluster.configuration import Cluster, load
from shoal.cluster.grammar import ADDITIONS, Code
from shoal.cluster.keys import walk
from shoal.cluster.problems import ConfigurationError, Problem
from tests.support.configurations import base, break_one, breakages, put, slurm_base, values
from tests.support.parallelcluster import Answer, ParallelCluster

KEYS = {key.path: key for key in walk(Cluster)}
REFUSED = tuple(path for path, key in KEYS.items() if key.refused)
BASES = {"awsbatch": base, "slurm": slurm_base}
OTHERS = {
    "awsbatch": ("LoginNodes", "Scheduling.SlurmQueues", "Scheduling.SlurmSettings", "DirectoryService"),
    "slurm": ("Scheduling.AwsBatchQueues", "Scheduling.AwsBatchSettings"),
}
"""What ParallelCluster refuses in each kind of cluster as well."""
CHOSEN = ("Scheduling.Scheduler", "Image.Os")
"""Keys whose values the base of a kind has, since few fit it."""
DIFFERENT = ("Scheduling.ScalingStrategy", "Scheduling.SlurmSettings.Dns.DisableManagedDns")
"""Keys whose default is another one, because the value that is ParallelCluster's default is not offered."""
NEWER = ("DevSettings.Timeouts.ComputeInstanceInfoTimeout",)
"""Keys of ParallelCluster 3.16.1, which are refused by name."""
TYPES = {"map of strings": "mapping", "list of maps of strings": "list of mappings"}

STRICTER = re.compile(
    r".*\.(Throughput does not apply to (?!gp3)\w+ volumes|VolumeId cannot be combined with Raid"
    r"|Id cannot be combined with Name|(Name|Id) names a group, and Enabled is false)"
)
"""What ParallelCluster hands to CloudFormation, or asks AWS about, and is refused then; and what it ignores without a
word."""
FIRST = settings(phases=(Phase.generate,), derandomize=True, database=None)
"""The first value that Hypothesis thinks of."""


@pytest.fixture(scope="module")
def parallelcluster() -> Iterator[ParallelCluster]:
    with ParallelCluster() as process:
        yield process


@pytest.fixture(scope="module")
def keys(parallelcluster: ParallelCluster) -> list[dict[str, Any]]:
    return parallelcluster.keys()


ONLY = {path: key.only.kind for path, key in KEYS.items() if key.only}


def stands_in(path: str, section: str) -> bool:
    return path == section or path.startswith((f"{section}.", f"{section}[]"))


def offered(path: str, kind: str | None = None) -> bool:
    """Whether a key is offered: in a kind of cluster, or in any."""
    elsewhere = kind and any(stands_in(path, only) for only, of in ONLY.items() if of != kind)
    return not elsewhere and not any(stands_in(path, refused) for refused in REFUSED)


def may_be_offered(path: str, value: object) -> bool:
    return not (path in KEYS and isinstance(value, str) and value in KEYS[path].values_refused)


def shoal(configuration: dict[str, Any]) -> Cluster | tuple[Problem, ...]:
    try:
        return load(configuration)
    except ConfigurationError as error:
        return error.problems


def assert_agreement(configuration: dict[str, Any], theirs: Answer) -> None:
    """What ParallelCluster refuses Shoal refuses there; what it accepts Shoal accepts, or does not offer."""
    ours = shoal(configuration)
    if theirs.stumbles:
        return
    if theirs.values is None:
        assert isinstance(ours, tuple), f"Shoal accepts, ParallelCluster refuses {theirs.paths}: {theirs.messages}"
        missed = [path for path in theirs.paths if not any(touches(problem.path, path) for problem in ours)]
        assert not missed, f"refused elsewhere: {missed} by ParallelCluster, {ours} by Shoal"
    elif isinstance(ours, tuple):
        assert all(problem.code == Code.NOT_OFFERED or STRICTER.fullmatch(problem.message) for problem in ours), ours
    else:
        assert_same_values(ours.meaning(), theirs.values)


def touches(ours: str, theirs: str) -> bool:
    """Whether both name the same key, or one the section of the other."""
    return ours == theirs or not theirs or ours.startswith((f"{theirs}.", f"{theirs}[")) or is_inside(theirs, ours)


def is_inside(path: str, section: str) -> bool:
    return path.startswith((f"{section}.", f"{section}["))


def assert_same_values(ours: Any, theirs: Any, path: str = "") -> None:
    if isinstance(theirs, dict):
        for key, value in theirs.items():
            place = re.sub(r"\[\d+\]", "[]", f"{path}{key}")
            if offered(place) and place not in DIFFERENT:
                assert_same_values(ours[key], value, f"{path}{key}.")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), path
        for index, value in enumerate(theirs):
            assert_same_values(ours[index], value, f"{path[:-1]}[{index}].")
    elif theirs is None:
        assert not ours or isinstance(ours, dict), path
    else:
        assert ours == theirs, path


def test_every_key_of_parallelcluster_is_known(keys: list[dict[str, Any]]) -> None:
    unknown = [key["path"] for key in keys if key["path"] not in KEYS and offered(key["path"])]
    assert len(keys) == 342
    assert not unknown


def test_every_key_has_the_type_and_the_bounds_it_has_in_parallelcluster(keys: list[dict[str, Any]]) -> None:
    theirs = {key["path"]: key["type"] for key in keys if offered(key["path"])}
    ours = {path: TYPES.get(key.type, key.type) for path, key in KEYS.items() if path in theirs}
    assert ours | {"HeadNode.Networking.ElasticIp": "any"} == theirs
    ranges = {key["path"]: key["range"] for key in keys if "range" in key and offered(key["path"])}
    for path, (least, most) in ranges.items():
        assert KEYS[path].bounds == (f"at least {least}" if most is None else f"{least} to {most}"), path


def test_only_what_the_grammar_lists_is_shoals_own(keys: list[dict[str, Any]]) -> None:
    theirs = {key["path"] for key in keys}
    additions = (*(addition.path for addition in ADDITIONS), *NEWER)
    own = [path for path in KEYS if path not in theirs and not path.startswith(additions)]
    # The schema of a single script reads a list of them as well, and does not tell.
    assert not [path for path in own if ".Sequence" not in path]


def test_defaults_are_those_of_parallelcluster(parallelcluster: ParallelCluster) -> None:
    configuration = base()
    configuration["HeadNode"] |= {"LocalStorage": {"RootVolume": {}, "EphemeralVolume": {}}, "Ssh": {}}
    configuration |= {
        "Imds": {},
        "Iam": {},
        "DevSettings": {"Timeouts": {}},
        "Monitoring": {
            "Logs": {"CloudWatch": {}, "Rotation": {}},
            "Dashboards": {"CloudWatch": {}},
            "Alarms": {},
        },
        "SharedStorage": [
            {
                "MountDir": f"/ebs-{kind}",
                "Name": kind,
                "StorageType": "Ebs",
                "EbsSettings": {"VolumeType": kind, **more},
            }
            for kind, more in (("gp3", {}), ("gp2", {}), ("io1", {}), ("io2", {}), ("st1", {"Size": 500}))
        ]
        + [{"MountDir": "/efs", "Name": "efs", "StorageType": "Efs"}],
    }
    theirs = parallelcluster.load(configuration)
    assert theirs.values, theirs
    assert_agreement(configuration, theirs)


@pytest.mark.parametrize("kind", BASES)
def test_each_key_alone_is_honoured_or_refused_by_name(
    kind: str, parallelcluster: ParallelCluster, keys: list[dict[str, Any]]
) -> None:
    for key in of_kind(keys, kind):
        configuration = BASES[kind]()
        value = find(values(key, keys), partial(may_be_offered, key["path"]), settings=FIRST)
        put(configuration, key["path"], value)
        assert_agreement(configuration, parallelcluster.load(configuration))
        if offered(key["path"], kind):
            assert isinstance(shoal(configuration), Cluster), (configuration, shoal(configuration))


def of_kind(keys: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The keys that may stand in a kind of cluster, those apart that its base has chosen."""
    return [key for key in keys if not key["path"].startswith(OTHERS[kind]) and key["path"] not in CHOSEN]


def offered_in(keys: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [key for key in of_kind(keys, kind) if offered(key["path"], kind)]


@pytest.mark.parametrize("kind", BASES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_configurations_of_offered_keys_mean_the_same(
    kind: str, data: st.DataObject, parallelcluster: ParallelCluster, keys: list[dict[str, Any]]
) -> None:
    configuration = BASES[kind]()
    for key in data.draw(st.lists(st.sampled_from(offered_in(keys, kind)), max_size=8)):
        put(configuration, key["path"], data.draw(values(key, keys)))
    assert_agreement(configuration, parallelcluster.load(configuration))


@pytest.mark.parametrize("kind", BASES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_configurations_broken_in_one_place_are_refused_there(
    kind: str, data: st.DataObject, parallelcluster: ParallelCluster, keys: list[dict[str, Any]]
) -> None:
    configuration = BASES[kind]()
    for key in data.draw(st.lists(st.sampled_from(offered_in(keys, kind)), max_size=4)):
        put(configuration, key["path"], data.draw(values(key, keys)))
    candidates = [key for key in keys if not key["path"].startswith(OTHERS[kind])]
    broken = data.draw(st.sampled_from(candidates))
    break_one(configuration, broken["path"], data.draw(breakages(broken)))
    assert_agreement(configuration, parallelcluster.load(configuration))


EBS = st.fixed_dictionaries(
    {},
    optional={
        "VolumeId": st.sampled_from(["vol-00000001", "vol-00000002"]),
        "Raid": st.just({"Type": 1}),
        "VolumeType": st.sampled_from(["gp3", "io1", "st1"]),
        "Size": st.sampled_from([1, 4, 500, 16385]),
        "Iops": st.sampled_from([100, 3000, 50000]),
        "KmsKeyId": st.just("alias/key"),
        "Encrypted": st.booleans(),
    },
)
EFS = st.fixed_dictionaries(
    {},
    optional={
        "FileSystemId": st.sampled_from(["fs-00000001", "fs-00000002"]),
        "AccessPointId": st.just("fsap-00000000000000001"),
        "EncryptionInTransit": st.booleans(),
        "IamAuthorization": st.booleans(),
        "ThroughputMode": st.sampled_from(["bursting", "provisioned"]),
        "ProvisionedThroughput": st.sampled_from([8, 1025]),
        "DeletionPolicy": st.sampled_from(["Delete", "Retain", "Snapshot"]),
    },
)
STORAGE = st.fixed_dictionaries(
    {
        "MountDir": st.sampled_from(["/a", "/a/b", "/ab", "/b", "/c", "/opt", "/home", "/NONE", "/.a", "d"]),
        "Name": st.sampled_from(["one", "two", "three", "default", "x" * 31, "a b"]),
    }
)


@settings(max_examples=200, deadline=None)
@given(
    ebs=st.lists(st.tuples(STORAGE, EBS), max_size=3),
    efs=st.lists(st.tuples(STORAGE, EFS), max_size=3),
    tags=st.lists(st.sampled_from(["a", "b", "parallelcluster:c", "parallelcluster:custom_resource"]), max_size=2),
)
def test_items_that_do_not_go_together_are_refused_by_both(
    ebs: list[Any], efs: list[Any], tags: list[str], parallelcluster: ParallelCluster
) -> None:
    configuration = base() | {
        "SharedStorage": [
            *(storage | {"StorageType": "Ebs", "EbsSettings": settings} for storage, settings in ebs),
            *(storage | {"StorageType": "Efs", "EfsSettings": settings} for storage, settings in efs),
        ],
        "Tags": [{"Key": key, "Value": "value"} for key in tags],
    }
    assert_agreement(configuration, parallelcluster.load(configuration))


@pytest.mark.parametrize("kind", BASES)
def test_the_share_of_honoured_keys_is_told(
    kind: str, keys: list[dict[str, Any]], record_testsuite_property: Any, pytestconfig: pytest.Config
) -> None:
    known = [key["path"] for key in keys if not key["path"].startswith(OTHERS[kind])]
    honoured = [path for path in known if offered(path, kind)]
    share = f"{len(honoured)} honoured, {len(known) - len(honoured)} refused by name, none ignored"
    record_testsuite_property(f"parallelcluster-keys-{kind}", share)
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\nParallelCluster's keys with Scheduler: {kind}: {share}")
    assert len(honoured) / len(known) > 0.5
