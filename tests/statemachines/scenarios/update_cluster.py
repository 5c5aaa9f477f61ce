"""Ways through `update_cluster`."""

from __future__ import annotations

from shoal.change_set import ResourceChange
from tests.statemachines import plans
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, child_failed, explained, refused
from tests.statemachines.scenarios.facts import BUILT, IMAGE, NOT_YET, READY, SCALED, STACK, operation
from tests.support.clusters import compute_resource, configuration, queue

_END = "Cluster Update Failed"
PATHS = FailurePaths(usual=("Explain Failure", _END), others={"Explain Failure": ()})
_OLD = configuration()
_NEW = configuration(
    Scheduling={
        "Scheduler": "awsbatch",
        "AwsBatchQueues": [queue("main", compute_resource("ondemand", MaxvCpus=64)), queue("more")],
    }
)
_NEW_IMAGE = _NEW | {"Image": {"Os": "alinux2023"}}
_MOVED = _OLD | {"SharedStorage": [_OLD["SharedStorage"][0] | {"Name": "other"}]}
_CHANGES = (
    ResourceChange("QueueMore", "AWS::Batch::JobQueue", "Add", "False"),
    ResourceChange("EnvironmentMain", "AWS::Batch::ComputeEnvironment", "Modify", "False", ("ComputeResources",)),
)
_PRESENT = BUILT | {"summary": f"The image {IMAGE['uri']} was there already, so nothing was built.", "built": []}
_CLUSTER = plans.update(_OLD, _OLD)["answer"]["cluster"] | {"images": [IMAGE]}
_ANSWERS = {
    "Plan Cluster": plans.update(_OLD, _NEW),
    "Create Change Set": Took(MINUTES, STACK | {"status": "CREATE_COMPLETE"}),
    "Read Change Set": plans.read_change_set(_OLD, _NEW, _CHANGES, "apply"),
    "Delete Change Set": {},
    "Build Image": Took(10 * MINUTES, BUILT),
    "Execute Change Set": Took(5 * MINUTES, STACK | {"status": "UPDATE_COMPLETE"}),
    "Settle Fleet": SCALED,
    "Check Cluster": READY,
    "Explain Failure": explained,
}

SCENARIOS = (
    Scenario(
        "queues are added and resized",
        operation("update"),
        _ANSWERS,
        output={"clusterStatus": "UPDATE_COMPLETE", "refused": []},
        enters=("Read Change Set", "Settle Fleet", "Execute Change Set", "Settle Fleet", "Check Cluster", "Answer"),
        never=("Build Image", "Delete Change Set", "Wait For Cluster"),
        calls={"Create Change Set": 1},
    ),
    Scenario(
        "a changed image is built before the change set is executed",
        operation("update"),
        _ANSWERS | {"Plan Cluster": plans.update(_OLD, _NEW_IMAGE) | {"imagesChanged": True}},
        output={"clusterStatus": "UPDATE_COMPLETE", "images": [IMAGE], "cluster": _CLUSTER},
        enters=("Read Change Set", "Build Image", "Execute Change Set", "Answer"),
        calls={"Build Image": 1, "Create Change Set": 1},
    ),
    Scenario(
        "build-image of an unchanged cluster makes sure of its images and changes nothing",
        operation("build-image"),
        _ANSWERS | {"Plan Cluster": plans.update(_OLD, _OLD), "Build Image": Took(10 * MINUTES, _PRESENT)},
        output={"summary": _PRESENT["summary"], "images": [IMAGE], "built": [], "resources": [], "cluster": _CLUSTER},
        enters=("What Next?", "Build Image", "What Next?", "Answer"),
        never=("Create Change Set", "Execute Change Set", "Delete Change Set"),
        calls={"Build Image": 1},
    ),
    Scenario(
        "build-image of a new base image moves the job definitions after the build",
        operation("build-image", force=True),
        _ANSWERS,
        output={"summary": BUILT["summary"], "clusterStatus": "UPDATE_COMPLETE", "built": BUILT["built"]},
        enters=("Create Change Set", "Read Change Set", "Build Image", "Execute Change Set", "Check Cluster", "Answer"),
        never=("Delete Change Set", "Wait For Cluster"),
        calls={"Build Image": 1},
    ),
    Scenario(
        "build-image whose change set is empty makes sure of its images all the same",
        operation("build-image"),
        _ANSWERS | {"Read Change Set": plans.read_change_set(_OLD, _NEW, (), "nothing")},
        output={"summary": BUILT["summary"]},
        enters=("Read Change Set", "Build Image", "Delete Change Set", "Refused?", "Answer"),
        never=("Execute Change Set",),
    ),
    Scenario(
        "build-image that cannot build fails and changes nothing",
        operation("build-image"),
        _ANSWERS | {"Build Image": child_failed("BuildFailed", "phase BUILD failed with exit code 100")},
        "FAILED",
        "BuildFailed",
        enters=("Build Image", "Explain Failure", _END),
        never=("Execute Change Set",),
    ),
    Scenario(
        "an update without a change needs no change set",
        operation("update"),
        _ANSWERS | {"Plan Cluster": plans.update(_OLD, _OLD)},
        output={"resources": []},
        enters=("What Next?", "Answer"),
        never=("Create Change Set",),
    ),
    Scenario(
        "a change set without a change is deleted and succeeds",
        operation("update"),
        _ANSWERS | {"Read Change Set": plans.read_change_set(_OLD, _NEW, (), "nothing")},
        enters=("Read Change Set", "Delete Change Set", "Refused?", "Answer"),
        never=("Execute Change Set",),
    ),
    Scenario(
        "a plan deletes its change set and changes nothing",
        operation("plan", dryrun=True),
        _ANSWERS
        | {
            "Plan Cluster": plans.update(_OLD, _NEW, only_plan=True),
            "Read Change Set": plans.read_change_set(_OLD, _NEW, _CHANGES, "planned"),
        },
        enters=("Read Change Set", "Delete Change Set", "Answer"),
        never=("Build Image", "Execute Change Set"),
    ),
    Scenario(
        "an update that would replace a volume is refused",
        operation("update"),
        _ANSWERS | {"Read Change Set": plans.read_change_set(_OLD, _MOVED, (), "refused")},
        "FAILED",
        "UpdateRefused",
        enters=("Read Change Set", "Delete Change Set", "Refused?", "Explain Failure", _END),
        never=("Build Image", "Execute Change Set"),
    ),
    Scenario(
        "an update of an absent cluster fails",
        operation("update"),
        _ANSWERS | {"Plan Cluster": refused("ClusterNotFound", "clusterName: there is no cluster genomics")},
        "FAILED",
        "ClusterNotFound",
        enters=("Plan Cluster", "Explain Failure", _END),
    ),
    Scenario(
        "an environment is validated after the stack is complete",
        operation("update"),
        _ANSWERS | {"Check Cluster": [NOT_YET, READY]},
        enters=("Check Cluster", "Wait For Cluster", "Check Cluster", "Answer"),
    ),
    Scenario(
        "an update that fails is rolled back by CloudFormation",
        operation("update"),
        _ANSWERS | {"Execute Change Set": Took(5 * MINUTES, child_failed("StackFailed", "QueueMore is CREATE_FAILED"))},
        "FAILED",
        "StackFailed",
        enters=("Execute Change Set", "Explain Failure", _END),
    ),
    Scenario(
        "a cluster that never gets ready fails at the deadline",
        operation("update"),
        _ANSWERS | {"Check Cluster": NOT_YET},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For Cluster", "Cluster Ready?", "Explain Failure", _END),
    ),
)
