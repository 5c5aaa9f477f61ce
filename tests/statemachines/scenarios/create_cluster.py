"""Ways through `create_cluster`."""

from __future__ import annotations

from tests.statemachines import plans
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, child_failed, explained, refused
from tests.statemachines.scenarios.facts import BUILT, NOT_YET, READY, STACK, operation
from tests.support.clusters import configuration
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource

_END = "Cluster Creation Failed"
PATHS = FailurePaths(
    usual=("Explain Failure", "Roll Back", _END),
    others={"Plan Cluster": ("Explain Failure", _END), "Explain Failure": ("Roll Back", _END), "Roll Back": (_END,)},
    compensation="Roll Back",
)
_ANSWERS = {
    "Plan Cluster": plans.creation(configuration()),
    "Deploy Stack": Took(20 * MINUTES, STACK),
    "Await Foundations": Took(MINUTES, STACK),
    "Build Image": Took(10 * MINUTES, BUILT),
    "Check Cluster": READY,
    "Protect Stack": {"StackId": plans.STACK_ID},
    "Explain Failure": explained,
    "Roll Back": Took(10 * MINUTES, {"summary": "The cluster genomics is deleted.", "removed": 40, "kept": []}),
}
_PLAN = plans.creation(configuration(), done=False)
_SLURM = plans.creation(slurm_configuration(slurm_queue("main", slurm_resource("work", MinCount=2))))
_NOTHING_BUILT = {"summary": "Nothing was built.", "images": [], "built": [], "cluster": {"images": []}}
_PLANNED = _ANSWERS | {"Plan Cluster": _PLAN}

SCENARIOS = (
    Scenario(
        "a cluster is created",
        operation("create"),
        _ANSWERS,
        output={"clusterStatus": "CREATE_COMPLETE"},
        enters=("Deploy Stack", "Await Foundations", "Build Image", "Check Cluster", "Protect Stack"),
        never=("Wait For Cluster",),
    ),
    Scenario(
        "a Slurm cluster is created when the nodes that a queue always has are there",
        operation("create"),
        _ANSWERS | {"Plan Cluster": _SLURM, "Build Image": _NOTHING_BUILT, "Check Cluster": [NOT_YET, READY]},
        output={"clusterStatus": "CREATE_COMPLETE", "cluster": _SLURM["cluster"] | {"stackId": plans.STACK_ID}},
        enters=("Deploy Stack", "Check Cluster", "Wait For Cluster", "Check Cluster", "Protect Stack"),
    ),
    Scenario(
        "nodes of a Slurm cluster that fail one after the other are a reason to roll back",
        operation("create"),
        _ANSWERS
        | {
            "Plan Cluster": _SLURM,
            "Build Image": _NOTHING_BUILT,
            "Check Cluster": [NOT_YET, refused("ClusterUnhealthy", "3 nodes have failed\nno route to host")],
        },
        "FAILED",
        "ClusterUnhealthy",
        enters=("Check Cluster", "Explain Failure", "Roll Back", _END),
    ),
    Scenario(
        "an environment is validated after the stack is complete",
        operation("create"),
        _ANSWERS | {"Check Cluster": [NOT_YET, NOT_YET, READY]},
        output={"clusterStatus": "CREATE_COMPLETE"},
        enters=("Check Cluster", "Wait For Cluster", "Check Cluster", "Wait For Cluster", "Check Cluster"),
    ),
    Scenario(
        "a dry run creates nothing",
        operation("create", dryrun=True),
        _PLANNED,
        output={"planHash": _PLAN["answer"]["planHash"]},
        enters=("Plan Only?", "Answer Plan"),
        never=("Deploy Stack", "Roll Back"),
    ),
    Scenario(
        "a plan creates nothing",
        operation("plan", dryrun=True),
        _PLANNED,
        enters=("Plan Only?", "Answer Plan"),
        never=("Deploy Stack", "Roll Back"),
    ),
    Scenario(
        "a refused configuration creates nothing and rolls nothing back",
        operation("create"),
        _ANSWERS | {"Plan Cluster": refused("InvalidConfiguration", "Image.Os: alinux2 is out of support")},
        "FAILED",
        "InvalidConfiguration",
        enters=("Explain Failure", "Roll Back?", _END),
        never=("Deploy Stack", "Roll Back"),
    ),
    Scenario(
        "a stack that fails while the image is built stops the build and is rolled back",
        operation("create"),
        _ANSWERS | {"Deploy Stack": Took(5 * MINUTES, child_failed("StackFailed", "Volume (AWS::EC2::Volume) is ..."))},
        "FAILED",
        "StackFailed",
        enters=("Build Image", "Explain Failure", "Roll Back", _END),
    ),
    Scenario(
        "a build that fails while the stack is made stops it and is rolled back",
        operation("create"),
        _ANSWERS
        | {"Build Image": Took(5 * MINUTES, child_failed("BuildFailed", "phase BUILD ended with exit code 1"))},
        "FAILED",
        "BuildFailed",
        enters=("Build Image", "Explain Failure", "Roll Back", _END),
    ),
    Scenario(
        "a cluster that never gets ready fails at the deadline",
        operation("create"),
        _ANSWERS | {"Check Cluster": NOT_YET},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For Cluster", "Cluster Ready?", "Explain Failure", "Roll Back", _END),
    ),
    Scenario(
        "without rollback a failed cluster stays to be looked at",
        operation("create", rollbackOnFailure=False),
        _ANSWERS | {"Check Cluster": refused("ClusterUnhealthy", "environment main-ondemand is INVALID")},
        "FAILED",
        "ClusterUnhealthy",
        enters=("Explain Failure", "Roll Back?", _END),
        never=("Roll Back",),
    ),
    Scenario(
        "somebody else's stack is not rolled back",
        operation("create"),
        _ANSWERS | {"Deploy Stack": Took(5 * MINUTES, child_failed("ClusterExists", "the stack is there"))},
        "FAILED",
        "ClusterExists",
        enters=("Explain Failure", "Roll Back?", _END),
        never=("Roll Back",),
    ),
    Scenario(
        "a rollback that fails leaves the first cause standing",
        operation("create"),
        _ANSWERS
        | {
            "Check Cluster": refused("ClusterUnhealthy", "environment main-ondemand is INVALID"),
            "Roll Back": Took(30 * MINUTES, child_failed("LeftoversFound", "vol-1 is still there")),
        },
        "FAILED",
        "ClusterUnhealthy",
        enters=("Explain Failure", "Roll Back", _END),
    ),
)
