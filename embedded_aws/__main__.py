"""Start the embedded AWS: `python -m embedded_aws --port N --state-dir DIR`, with MiniStack's own interpreter.

Everything that MiniStack reads from the environment is set here, before its first import, and nothing of the
caller's AWS settings survives: the server cannot be pointed at, or speak for, a real account.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from embedded_aws.process import ACCOUNT_ID, REGION, SECRET_ACCESS_KEY


def arguments(argv: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="embedded_aws", description="The AWS of `make run` and of the tests.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for everything the server writes")
    parser.add_argument(
        "--wait-scale",
        type=float,
        default=1.0,
        help="factor on Wait states and on the pauses between retries (default 1); timeouts stay as they are",
    )
    return parser.parse_args(argv)


def environment(inherited: dict[str, str], port: int, state_dir: Path, wait_scale: float) -> dict[str, str]:
    """The server's environment: what the caller's shell has, without its AWS settings, and MiniStack's switches."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(("AWS_", "MINISTACK_", "LAMBDA_"))}
    return kept | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",  # it would listen on 0.0.0.0:8883 whatever BIND_HOST says
        "SFTP_ENABLED": "0",
        "AUTH": "true",
        "LOG_LEVEL": "ERROR",
        "STATE_DIR": str(state_dir / "ministack"),
        "SFN_WAIT_SCALE": str(wait_scale),
        "TMPDIR": str(state_dir / "tmp"),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "DOCKER_HOST": f"unix://{state_dir}/no-docker",  # MiniStack's own use of an engine; builds have theirs
    }


def main() -> int:
    """Prepare the environment, then hand over to the server."""
    from embedded_aws.listener import listen

    options = arguments(sys.argv[1:])
    state_dir = options.state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    try:
        listener = listen(options.port)
    except OSError as error:
        sys.stderr.write(f"embedded_aws: port {options.port} on 127.0.0.1 cannot be used: {error.strerror}\n")
        return 1
    port: int = listener.getsockname()[1]
    variables = environment(dict(os.environ), port, state_dir, options.wait_scale)
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None  # forget a folder chosen before TMPDIR was set

    from embedded_aws.server import run

    return run(listener, state_dir)


if __name__ == "__main__":
    sys.exit(main())
