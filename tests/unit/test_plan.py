"""Does a plan refuse what would replace data or jobs, naming the key, and is its hash stable?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.change_set import ResourceChange
from shoal.cluster.batch import environment_id, queue_id
from shoal.cluster.blueprint import blueprint
from shoal.cluster.changes import key_changes
from shoal.cluster.configuration import load
from shoal.plan import Plan, causes, digest, refused_keys, refused_resources, template_digest, told, verdict
from tests.support.clusters import compute_resource, configuration, queue, site, storage

OLD = load(configuration())
SPOT = load(
    configuration(
        Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", CapacityType="SPOT")]},
        Tags=[{"Key": "team", "Value": "genomics"}],
    )
)
MAIN = SPOT.scheduling.aws_batch_queues[0]
ENVIRONMENT = environment_id(MAIN, MAIN.compute_resources[0])


def replaced(logical_id: str, kind: str = "AWS::Batch::ComputeEnvironment", *caused_by: str) -> ResourceChange:
    return ResourceChange(logical_id, kind, "Modify", "True", ("Type",), caused_by)


def test_a_refusal_names_the_key_that_causes_the_replacement_and_no_other() -> None:
    keys, resources = key_changes(OLD, SPOT), (replaced(ENVIRONMENT),)
    found = refused_resources(resources, causes(resources, keys, OLD, SPOT, site()))
    assert [line for line in found if "CapacityType would replace the environment" in line] == list(found)


def test_a_change_that_only_follows_another_resources_is_traced_to_its_key() -> None:
    keys, resources = key_changes(OLD, SPOT), (replaced(queue_id(MAIN), "AWS::Batch::JobQueue", ENVIRONMENT),)
    found = causes(resources, keys, OLD, SPOT, site())
    assert "Scheduling.AwsBatchQueues[main].CapacityType" in found[queue_id(MAIN)]


def test_where_no_single_key_explains_a_replacement_all_changes_do() -> None:
    keys, resources = key_changes(OLD, SPOT), (replaced("SomethingElse"),)
    assert causes(resources, keys, OLD, SPOT, site())["SomethingElse"] == tuple(key.parameter for key in keys)


def test_changes_that_make_no_sense_one_without_the_other_are_told_together() -> None:
    def with_home(**settings: Any) -> Any:
        return load(configuration(SharedStorage=[storage("home", StorageType="Efs", EfsSettings=settings)]))

    old, new = with_home(), with_home(ThroughputMode="provisioned", ProvisionedThroughput=100)
    keys, resources = key_changes(old, new), (replaced("Home", "AWS::EFS::FileSystem"),)
    assert causes(resources, keys, old, new, site())["Home"] == tuple(key.parameter for key in keys)


def test_a_replacement_that_holds_nothing_is_not_refused() -> None:
    resources = (ResourceChange("Group", "AWS::EC2::SecurityGroup", "Modify", "True", ("GroupDescription",)),)
    assert refused_resources(resources, causes(resources, (), OLD, SPOT, site())) == ()


def test_a_key_that_no_update_may_change_is_refused_with_both_values() -> None:
    new = load(configuration(HeadNode={**configuration()["HeadNode"], "InstanceType": "c6i.large"}))
    (line,) = refused_keys(key_changes(OLD, new))
    assert line.startswith('HeadNode.InstanceType cannot change from "t3.micro" to "c6i.large"')


def test_many_refusals_are_told_in_a_line_that_can_be_read() -> None:
    assert told(["A", "B"]) == "A; B"
    assert told([str(number) for number in range(25)]).endswith("; 19; and 5 more")


def test_a_refusal_with_many_causes_names_some_of_them() -> None:
    (line,) = refused_resources((replaced("A"),), {"A": [f"Key{number}" for number in range(100)]})
    assert line.startswith("Key0 and Key1 and Key2 and Key3 and Key4 and 95 more keys would replace")


@pytest.mark.parametrize(
    ("resources", "refused", "only_plan", "expected"),
    [
        ((replaced("A"),), (), False, "apply"),
        ((), (), False, "nothing"),
        ((replaced("A"),), ("no",), False, "refused"),
        ((), ("no",), False, "refused"),
        ((replaced("A"),), ("no",), True, "planned"),
        ((), (), True, "planned"),
    ],
)
def test_an_update_is_applied_only_when_it_changes_something_and_nothing_speaks_against_it(
    resources: tuple[ResourceChange, ...], refused: tuple[str, ...], only_plan: bool, expected: str
) -> None:
    assert verdict(resources, refused, only_plan=only_plan) == expected


def plan_of(resources: tuple[ResourceChange, ...]) -> Plan:
    return Plan(key_changes(OLD, SPOT), resources, template_digest(blueprint(SPOT, site())))


def test_equal_plans_have_equal_hashes_and_others_do_not() -> None:
    assert plan_of((replaced("A"),)).hash == plan_of((replaced("A"),)).hash
    assert plan_of((replaced("A"),)).hash != plan_of((replaced("B"),)).hash


def test_a_plan_says_that_nothing_has_changed_and_an_update_what_has() -> None:
    plan = plan_of((replaced("A"),))
    assert plan.answer("genomics", (), applied=False)["summary"].endswith("nothing has changed.")
    done = plan.answer("genomics", (), applied=True)
    assert (done["summary"], done["clusterStatus"]) == (
        "Update changed 1 resource of cluster genomics.",
        "UPDATE_COMPLETE",
    )


def test_a_plan_of_what_would_be_refused_says_so_first() -> None:
    answer = plan_of(()).answer("genomics", ("X cannot change",), applied=False)
    assert answer["summary"] == "Update would be refused: X cannot change."
    assert answer["refused"] == ["X cannot change"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=8
)


@given(st.dictionaries(st.text(), JSON))
def test_a_hash_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    assert digest(value) == digest(dict(reversed(value.items()))) == digest(json.loads(json.dumps(value)))


def test_a_larger_environment_is_another_template() -> None:
    larger = load(
        configuration(
            Scheduling={
                "Scheduler": "awsbatch",
                "AwsBatchQueues": [queue("main", compute_resource("ondemand", MaxvCpus=99))],
            }
        )
    )
    assert template_digest(blueprint(OLD, site())) != template_digest(blueprint(larger, site()))
