"""What a node runs when it first starts: it fetches the node package, which does the rest.

Values of the configuration reach it as one line of JSON in a quoted here-document, so that no character in them means
anything to a shell.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shoal.cluster.grammar import Code, Location
from shoal.cluster.problems import Problem, make
from shoal.cluster.template import Value, join
from shoal_node.contract import NODE_PACKAGE_FILE, SETTINGS_FILE, NodeSettings

LARGEST = 16 * 1024
"""Bytes before they are encoded, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html"""
LONGEST_REFERENCE = 128
"""Bytes that one reference of the template may become; the longest are the URLs of queues."""
_END = "END_OF_SETTINGS"

_SCRIPT = f"""#!/bin/sh
# Fetches the node package of this cluster's version of Shoal and lets it set the node up. Safe to run again.
set -eu
mkdir -p "$(dirname {SETTINGS_FILE})" "$(dirname {NODE_PACKAGE_FILE})"
cat > {SETTINGS_FILE} <<'{_END}'
%s
{_END}
if ! python3 -c 'import boto3' 2> /dev/null; then
  if command -v dnf; then
    dnf -y --setopt=retries=5 install python3-boto3
  else
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5 update
    apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5 -y --no-install-recommends install python3-boto3
  fi
fi
export AWS_METADATA_SERVICE_NUM_ATTEMPTS=20
python3 - <<'END_OF_FETCH'
import json, os
import boto3
with open("{SETTINGS_FILE}") as file:
    settings = json.load(file)
package = settings["node_package"]
version = {{"VersionId": package["version_id"]}} if package["version_id"] else {{}}
endpoint = os.environ.get("AWS_ENDPOINT_URL") or None
s3 = boto3.client("s3", region_name=settings["region"], endpoint_url=endpoint)
s3.download_file(package["bucket"], package["key"], "{NODE_PACKAGE_FILE}", ExtraArgs=version)
END_OF_FETCH
export PYTHONPATH={NODE_PACKAGE_FILE}
exec python3 -m shoal_node bootstrap
"""


def node_script(settings: NodeSettings) -> Value:
    """The user data of a head node, or of the nodes of a compute resource."""
    before, after = _SCRIPT.split("%s")
    pieces = itertools.groupby((before, *_json(settings.as_dict()), after), key=lambda piece: isinstance(piece, str))
    return join(*itertools.chain.from_iterable(["".join(run)] if is_text else run for is_text, run in pieces))


def too_large(actions: Location, script: Value) -> Iterator[Problem]:
    """The problem of a script that is larger than EC2 takes once CloudFormation has put in what it refers to.

    Args:
        actions: where the configuration has the node's custom actions, which fill it together with the shared storage.
        script: the user data.
    """
    pieces = script["Fn::Join"][1] if isinstance(script, dict) else [script]
    size = sum(len(piece.encode()) if isinstance(piece, str) else LONGEST_REFERENCE for piece in pieces)
    if size > LARGEST:
        message = f"and SharedStorage make user data of {size} bytes, and EC2 takes {LARGEST}"
        suggestion = "write shorter arguments, or one script that calls the others"
        yield make(actions, Code.OUT_OF_RANGE, message, suggestion)


def _json(value: Any) -> Iterator[Value]:
    """A value as JSON, in pieces of text and references, which stand in quotes: CloudFormation makes ids of them."""
    if _is_reference(value):
        yield from ('"', value, '"')
    elif isinstance(value, Mapping):
        for number, (name, item) in enumerate(value.items()):
            yield f"{', ' if number else '{'}{json.dumps(name)}: "
            yield from _json(item)
        yield "}" if value else "{}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield ", " if number else "["
            yield from _json(item)
        yield "]" if value else "[]"
    else:
        yield json.dumps(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and (next(iter(value)) == "Ref" or "Fn::GetAtt" in value)
