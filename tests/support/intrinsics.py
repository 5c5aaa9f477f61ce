"""Intrinsic functions of a template filled in with what CloudFormation would make of them in account 111111111111."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT_ID = "111111111111"
REGION = "us-east-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/one/1",
    "AWS::StackName": "one",
}
ARNS = {
    "AWS::Batch::ComputeEnvironment": "batch:{region}:{account}:compute-environment/{name}",
    "AWS::Batch::JobDefinition": "batch:{region}:{account}:job-definition/{name}",
    "AWS::Batch::JobQueue": "batch:{region}:{account}:job-queue/{name}",
    "AWS::CodeBuild::Project": "codebuild:{region}:{account}:project/{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::ECR::Repository": "ecr:{region}:{account}:repository/{name}",
    "AWS::EFS::FileSystem": "elasticfilesystem:{region}:{account}:file-system/{name}",
    "AWS::IAM::InstanceProfile": "iam::{account}:instance-profile/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
IDS = {"AWS::EC2::Instance": "i-0", "AWS::EC2::NetworkInterface": "eni-0", "AWS::EFS::FileSystem": "fs-0"}
"""Types whose Ref is an id, shortened to what a policy needs."""


class Filled:
    """A template's values with every intrinsic function replaced."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.resources = template["Resources"]
        self.parameters = {
            name: str(item.get("Default", name)) for name, item in template.get("Parameters", {}).items()
        }

    def fill(self, value: Any) -> Any:
        """A value without intrinsic functions; the first branch of every condition."""
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            filled = self._function(function, argument)
            if filled is not None:
                return filled
        return {key: self.fill(item) for key, item in value.items()}

    def _function(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return self.reference(argument)
        if function == "Fn::GetAtt":
            logical_id, attribute = argument if isinstance(argument, list) else argument.split(".")
            return self.attribute(logical_id, attribute)
        if function == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda match: self._named(match[1]), argument)
        if function == "Fn::Join":
            return argument[0].join(str(self.fill(item)) for item in argument[1])
        if function == "Fn::If":
            return self.fill(argument[1])
        return None

    def _named(self, name: str) -> str:
        return self.attribute(*name.split(".")) if "." in name else self.reference(name)

    def reference(self, name: str) -> str:
        """What `Ref` gives."""
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self.resources[name]["Type"]
        if kind in {"AWS::IAM::ManagedPolicy", "AWS::StepFunctions::StateMachine"}:
            return self.attribute(name, "Arn")
        return IDS.get(kind) or self._physical_name(name)

    def attribute(self, logical_id: str, attribute: str) -> str:
        """What `Fn::GetAtt` gives: an ARN where one is asked for, otherwise a stand-in that names the attribute."""
        kind = self.resources[logical_id]["Type"]
        if attribute.endswith("Arn") and kind in ARNS:
            filled = ARNS[kind].format(region=REGION, account=ACCOUNT_ID, name=self._physical_name(logical_id))
            return f"arn:aws:{filled}"
        return f"{logical_id}-{attribute}".lower()

    def _physical_name(self, logical_id: str) -> str:
        properties = self.resources[logical_id].get("Properties", {})
        named = next((key for key in properties if key.endswith("Name") or key == "Name"), None)
        return str(self.fill(properties[named])) if named else logical_id.lower()
