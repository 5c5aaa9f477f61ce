"""Stacks on the embedded AWS, from templates that are plain dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.embedded import Account
from tests.support.polling import until

CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


def resource(kind: str, properties: Mapping[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """A resource of a template."""
    return {"Type": kind, "Properties": dict(properties or {}), **attributes}


def template(resources: Mapping[str, Any], **sections: Any) -> str:
    """A template's body."""
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": dict(resources), **sections})


class Stack:
    """One stack, addressed by its id once it exists."""

    def __init__(self, account: Account, name: str = "demo") -> None:
        self.account = account
        self.cloudformation = account.client("cloudformation")
        self.id = name
        self.name = name

    def create(self, resources: Mapping[str, Any], *, status: str = "CREATE_COMPLETE", **options: Any) -> Stack:
        """Create it and wait for the status it ends in."""
        self.start(resources, **options)
        return self.ends(status)

    def start(self, resources: Mapping[str, Any], **options: Any) -> None:
        """Begin to create it."""
        sections = options.pop("sections", {})
        body = template(resources, **sections)
        self.id = self.cloudformation.create_stack(
            StackName=self.name, TemplateBody=body, Capabilities=CAPABILITIES, **options
        )["StackId"]

    def update(self, resources: Mapping[str, Any], *, status: str = "UPDATE_COMPLETE", **options: Any) -> Stack:
        """Update it and wait for the status it ends in."""
        self.cloudformation.update_stack(
            StackName=self.id, TemplateBody=template(resources), Capabilities=CAPABILITIES, **options
        )
        return self.ends(status)

    def delete(self, *, status: str = "DELETE_COMPLETE", **options: Any) -> Stack:
        """Delete it and wait for the status it ends in."""
        self.cloudformation.delete_stack(StackName=self.id, **options)
        return self.ends(status)

    def ends(self, status: str) -> Stack:
        """Wait until no operation is in progress, which must be in this status."""
        found = until(lambda: None if (now := self.status()).endswith("_IN_PROGRESS") else now, 60, "the stack's end")
        assert found == status, (found, self.reasons())
        return self

    def status(self) -> str:
        """Its status."""
        return str(self.describe()["StackStatus"])

    def describe(self) -> dict[str, Any]:
        """Its description."""
        found: dict[str, Any] = self.cloudformation.describe_stacks(StackName=self.id)["Stacks"][0]
        return found

    def outputs(self) -> dict[str, str]:
        """Its outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe().get("Outputs", [])}

    def events(self, logical_id: str | None = None) -> list[dict[str, Any]]:
        """Its events, oldest first; of one resource, if named."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.id)
        events = [event for page in pages for event in page["StackEvents"]][::-1]
        return [event for event in events if logical_id in (None, event["LogicalResourceId"])]

    def statuses(self, logical_id: str) -> list[str]:
        """The statuses that a resource went through."""
        return [event["ResourceStatus"] for event in self.events(logical_id)]

    def reasons(self) -> list[str]:
        """Why resources failed."""
        return [event.get("ResourceStatusReason", "") for event in self.events() if "FAILED" in event["ResourceStatus"]]

    def resources(self) -> dict[str, dict[str, Any]]:
        """Its resources by logical id."""
        found = self.cloudformation.describe_stack_resources(StackName=self.id)["StackResources"]
        return {entry["LogicalResourceId"]: entry for entry in found}

    def physical_id(self, logical_id: str) -> str:
        """The physical id of a resource."""
        return str(self.resources()[logical_id]["PhysicalResourceId"])

    def changes(self, resources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """What a change set says an update to these resources would change, by logical id."""
        made = self.cloudformation.create_change_set(
            StackName=self.id, ChangeSetName="look", TemplateBody=template(resources), Capabilities=CAPABILITIES
        )
        name = made["Id"]
        done = until(lambda: _finished(self.cloudformation.describe_change_set(ChangeSetName=name)), 15, "a change set")
        assert done is not None
        self.cloudformation.delete_change_set(ChangeSetName=name)
        return {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in done["Changes"]}


def _finished(change_set: dict[str, Any]) -> dict[str, Any] | None:
    return change_set if change_set["Status"] in ("CREATE_COMPLETE", "FAILED") else None
