"""Rules about what a cluster's stack may hold, and how its resources live and die."""

from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

_CODE = ("AWS::Lambda::", "AWS::Serverless::")
FOREIGN = {
    "awsbatch": (*_CODE, "AWS::SNS::", "AWS::SQS::", "AWS::AutoScaling::", "AWS::DynamoDB::"),
    "slurm": (*_CODE, "Custom::", "AWS::Batch::", "AWS::CodeBuild::", "AWS::ECR::", "AWS::S3::"),
}
"""What a cluster of each kind has none of: what runs code for it is the control plane."""
STATEFUL = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::EC2::Volume",
        "AWS::ECR::Repository",
        "AWS::EFS::FileSystem",
        "AWS::EFS::MountTarget",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
    }
)
CLUSTER_TAGS = frozenset({"shoal:cluster", "shoal:kind"})


class NothingForeign(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """No code; of Batch and Slurm only what belongs to the cluster's own kind."""

    id = "E9111"
    shortdesc = "Resource that a cluster of this kind must not have"
    description = "A cluster's stack holds no Lambda code, and nothing that only the other kind of cluster needs"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each resource."""
        resources = cfn.get_resources()
        tags = {tag["Key"]: tag["Value"] for tag in resources["HeadNode"]["Properties"]["Tags"]}
        kind = tags["shoal:kind"]
        return [
            RuleMatch(["Resources", name], f"{resource['Type']} does not belong in the stack of a cluster of {kind}")
            for name, resource in resources.items()
            if resource["Type"].startswith(FOREIGN[kind])
        ]


class DataHavePolicies(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """What holds data says what becomes of them."""

    id = "E9112"
    shortdesc = "Data without a deletion policy"
    description = "What holds data has a DeletionPolicy and an UpdateReplacePolicy"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each resource and policy."""
        return [
            RuleMatch(["Resources", name], f"{name} has no {policy}")
            for name, resource in cfn.get_resources().items()
            if resource["Type"] in STATEFUL
            for policy in ("DeletionPolicy", "UpdateReplacePolicy")
            if policy not in resource
        ]


class CustomResourcesEnd(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """A custom resource says how long CloudFormation waits for it."""

    id = "E9113"
    shortdesc = "Custom resource without ServiceTimeout"
    description = "Every custom resource has a ServiceTimeout, and both policies are Delete: its Delete cleans"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each resource."""
        return [
            RuleMatch(["Resources", name], f"{name} needs ServiceTimeout and DeletionPolicy: Delete")
            for name, resource in cfn.get_resources().items()
            if resource["Type"].startswith("Custom::")
            and ("ServiceTimeout" not in resource["Properties"] or resource.get("DeletionPolicy") != "Delete")
        ]


class PrivilegedBuildsOnly(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """Builds are privileged, jobs are not."""

    id = "E9114"
    shortdesc = "Privileged outside the build project"
    description = "Only the project that builds images has privileged mode"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each place."""
        found = cfn.search_deep_keys("Privileged") + cfn.search_deep_keys("PrivilegedMode")
        return [
            RuleMatch(path[:-1], "is privileged")
            for path in found
            if path[-1] is not False
            and cfn.template["Resources"].get(path[1], {}).get("Type") != "AWS::CodeBuild::Project"
        ]


class EverythingIsTagged(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """What can have tags has the cluster's."""

    id = "E9115"
    shortdesc = "Resource without the cluster's tags"
    description = "Every resource whose type knows tags has shoal:cluster and shoal:kind"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each resource."""
        return [
            RuleMatch(["Resources", name], f"{name} lacks {', '.join(sorted(missing))}")
            for name, resource in cfn.get_resources().items()
            if (missing := self._missing(cfn, resource))
        ]

    @staticmethod
    def _missing(cfn: Any, resource: dict[str, Any]) -> frozenset[str]:
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::EC2::LaunchTemplate":
            tags = properties["TagSpecifications"][0]["Tags"]
        elif kind.startswith("Custom::"):
            return frozenset()
        else:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(cfn.regions[0], kind).schema
            tag_property = schema.get("tagging", {}).get("tagProperty", "/properties/Tags").rsplit("/", 1)[-1]
            if tag_property not in schema["properties"]:
                return frozenset()
            tags = properties.get(tag_property, [])
        keys = set(tags) if isinstance(tags, dict) else {tag["Key"] for tag in tags}
        return CLUSTER_TAGS - keys
