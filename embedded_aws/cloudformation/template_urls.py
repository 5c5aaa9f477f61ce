"""A template's URL: both styles of S3's addresses, the version it names, and the caller's right to read it.

CloudFormation reads a template as its caller, who needs `s3:GetObject`, or `s3:GetObjectVersion` for a version
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html). MiniStack reads the
newest version of what a path-style URL names, whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from embedded_aws.access.resources import Parameters, Right
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation.helpers", "_resolve_document"),
    ("services.cloudformation.helpers", "_error"),
    ("services.cloudformation.helpers", "TEMPLATE_URL_MAX_BYTES"),
    ("services.s3", "_get_object_data"),
)

_READING = frozenset(
    f"cloudformation:{name}"
    for name in ("CreateChangeSet", "CreateStack", "GetTemplateSummary", "UpdateStack", "ValidateTemplate")
)


def install() -> None:
    """Read templates as the URL says."""
    from ministack.services import s3
    from ministack.services.cloudformation import helpers

    resolve = helpers._resolve_document

    def resolve_document(parameters: Any, body: str, url: str, label: str) -> Any:
        address = (parameters.get(url) or [""])[0]
        if not address:
            return resolve(parameters, body, url, label)
        bucket, key, version = parsed(address)
        content = s3._get_object_data(bucket, key, version or None)
        if content is None:
            return None, helpers._error("ValidationError", "S3 error: The specified key does not exist.")
        if len(content) > helpers.TEMPLATE_URL_MAX_BYTES:
            message = f"Template may not exceed {helpers.TEMPLATE_URL_MAX_BYTES} bytes in size."
            return None, helpers._error("ValidationError", message)
        return content.decode(), None

    helpers._resolve_document = resolve_document


def rights(action: str, asked: Parameters) -> Iterator[Right]:
    """The right to read the template that a request names."""
    if action in _READING and asked.get("TemplateURL"):
        bucket, key, version = parsed(str(asked["TemplateURL"]))
        yield Right("s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", {})


def parsed(address: str) -> tuple[str, str, str]:
    """Bucket, key and version id (or nothing) of an S3 URL, path-style or virtual-hosted."""
    url = urlparse(address)
    host, path = url.netloc, unquote(url.path).lstrip("/")
    bucket, dot, _ = host.partition(".s3.")
    if not dot:
        bucket, _, path = path.partition("/")
    return bucket, path, parse_qs(url.query).get("versionId", [""])[0]
