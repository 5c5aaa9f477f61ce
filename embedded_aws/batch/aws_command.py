"""An `aws` for containers whose AWS CLI does not know AWS_ENDPOINT_URL, as Debian 12's does not.

It is bound into each container, first on the PATH, and calls the image's own with `--endpoint-url`. The image knows
nothing of the embedded AWS.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

FOLDER = "/usr/local/sbin"

SCRIPT = f"""#!/bin/sh
IFS=:
for folder in $PATH; do
    if [ "$folder" != {FOLDER} ] && [ -x "$folder/aws" ]; then
        unset IFS
        exec "$folder/aws" --endpoint-url "$AWS_ENDPOINT_URL" "$@"
    fi
done
echo "aws: not found" >&2
exit 127
"""


def volume() -> str:
    """The option's value that binds the script into a container; the file is made where it is missing."""
    script = Path(tempfile.gettempdir()) / "batch-aws"
    if not script.exists():
        partial = script.with_suffix(".partial")
        partial.write_text(SCRIPT)
        partial.chmod(0o755)
        partial.replace(script)
    return f"{script}:{FOLDER}/aws:ro"
