"""How a CloudFormation type is added: its handlers, what replaces it, and where its tags go.

Handlers are written on boto3 against the server itself, so that they survive a change of engine; only the tables
they are hung in are MiniStack's. Errors read as those of AWS's resource handlers do
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html).
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from embedded_aws.cloudformation import operations as cfn_operations
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("services.cloudformation.provisioners", "_REPLACING_PROPERTIES"),
    ("services.cloudformation.provisioners", "_STACK_TAG_PROPERTY"),
    ("services.cloudformation.provisioners", "_physical_name"),
    ("services.cloudformation", "_stacks"),
)

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
"""Physical id, and the attributes that Fn::GetAtt reads."""


class FailedResourceError(Exception):
    """A resource failed after something of it was made, which its stack has to delete.

    Attributes:
        physical_id: what was made.
    """

    def __init__(self, message: str, physical_id: str) -> None:
        super().__init__(message)
        self.physical_id = physical_id


@dataclass(frozen=True)
class ResourceType:
    """One type: what its handlers do, as AWS's resource reference describes them."""

    name: str
    create: Callable[[str, Properties, str], Created]
    """Logical id, properties, name of the stack."""
    delete: Callable[[str, Properties], object]
    """Physical id, properties."""
    update: Callable[[str, Properties, Properties, str], Created] | None = None
    """Physical id, properties before and after, name of the stack; None where every change replaces."""
    replacing: tuple[str, ...] = ()
    """Properties of which the reference says "Update requires: Replacement"."""
    tags: tuple[str, str] | None = None
    """Property that carries tags, and its shape, `list` or `map`."""


def register(*types: ResourceType) -> None:
    """Add types, or put them in place of MiniStack's own."""
    from ministack.services.cloudformation import provisioners

    for kind in types:
        handlers: dict[str, Callable[..., Any]] = {
            "create": as_resource_handler(kind.create),
            "delete": as_resource_handler(kind.delete),
        }
        if kind.update:
            handlers["update"] = as_resource_handler(kind.update)
        provisioners._RESOURCE_HANDLERS[kind.name] = handlers
        provisioners._REPLACING_PROPERTIES[kind.name] = kind.replacing
        if kind.tags:
            provisioners._STACK_TAG_PROPERTY[kind.name] = kind.tags


def as_resource_handler(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose failures read as those of AWS's."""

    def handle(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except ClientError as error:
            message, code = error.response["Error"]["Message"], error.response["Error"]["Code"]
            raise ValueError(handler_message(f"{message} (Error Code: {code})")) from error
        except ParamValidationError as error:
            raise ValueError(handler_message(str(error).replace("\n", " "))) from error

    return handle


def handler_message(message: str) -> str:
    """A failure's reason as AWS's resource handlers word it."""
    return f'Resource handler returned message: "{message}" (HandlerErrorCode: GeneralServiceException)'


@contextlib.contextmanager
def absent_is_deleted(*codes: str) -> Iterator[None]:
    """Deleting what no longer exists succeeds, as CloudFormation has it; `codes` say so."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise


def physical_name(stack: str, logical_id: str, length: int) -> str:
    """The name that CloudFormation gives a resource without one: `<stack>-<logical id>-<13 characters>`."""
    from ministack.services.cloudformation import provisioners

    name: str = provisioners._physical_name(stack, logical_id, max_len=length)
    return name


def stack_record(stack: str) -> dict[str, Any]:
    """MiniStack's record of a stack, by its name."""
    from ministack.services.cloudformation import _stacks

    record: dict[str, Any] = _stacks[stack]
    return record


def tag_specifications(resource_type: str, properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The `TagSpecifications` of an EC2 call from a `Tags` property; CloudFormation's own tags are among them."""
    tags = [{"Key": tag["Key"], "Value": str(tag.get("Value", ""))} for tag in properties.get("Tags") or []]
    return [{"ResourceType": resource_type, "Tags": tags}] if tags else []


def tag_changes(old: Properties, new: Properties, name: str = "Tags") -> tuple[list[str], dict[str, str]]:
    """Keys that went, and all tags if any of them changed."""
    before, after = ({tag["Key"]: str(tag.get("Value", "")) for tag in side.get(name) or []} for side in (old, new))
    return sorted(before.keys() - after.keys()), after if before != after else {}


def stack_tags(stack: str, logical_id: str) -> dict[str, str]:
    """What a stack gives a resource: its own tags, and CloudFormation's three."""
    record, own = stack_record(stack), "aws:cloudformation:"
    return {
        **{tag["Key"]: tag["Value"] for tag in record.get("Tags") or []},
        f"{own}stack-name": record["StackName"],
        f"{own}stack-id": record["StackId"],
        f"{own}logical-id": logical_id,
    }


def retag(resource_id: str, old: Properties, new: Properties) -> None:
    """Make an EC2 resource's tags those of the new properties."""
    gone, tags = tag_changes(old, new)
    ec2 = cfn_operations.client("ec2")
    if gone:
        ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in gone])
    if tags:
        ec2.create_tags(Resources=[resource_id], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def made_up_name(stack: str, logical_id: str, length: int) -> str:
    """A name in lower case that nothing else has, for buckets and repositories without one."""
    ending = f"-{secrets.token_hex(6)}"
    return f"{stack}-{logical_id}".lower()[: length - len(ending)] + ending
