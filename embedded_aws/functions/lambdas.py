"""Python functions run under AWS's own runtime client, awslambdaric.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html - a handler's exception reaches the caller
as `errorType` (the class's name), `errorMessage` and `stackTrace`; Step Functions matches `ErrorEquals` with it.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html - the environment of a function.
MiniStack runs handlers in a worker of its own, which reports every exception as `Runtime.HandlerError` and hands
its own environment down.

Here a Python function is started like a custom runtime (`provided.*`), whose Runtime API MiniStack serves; the
bootstrap is awslambdaric on the server's own interpreter, so that must be the functions' Python.
"""

from __future__ import annotations

import functools
import io
import os
import sys
import tempfile
import uuid
import zipfile
from pathlib import Path
from typing import Any

from embedded_aws.functions import layers
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("core.lambda_runtime", "ProvidedWorker._await_init"),
    ("core.lambda_runtime", "ProvidedRuntimeError"),
    ("core.lambda_runtime", "_worker_class_for"),
    ("core.lambda_runtime", "execution_credentials"),
    ("core.lambda_runtime", "reset"),
    ("services.lambda_svc", "_execute_function_warm"),
    ("services.lambda_svc", "_execute_function_provided_warm"),
    ("services.lambda_svc", "_provided_worker_env"),
    ("services.lambda_svc", "_runtime_env_vars"),
    ("services.lambda_svc", "_resolve_layer_zip"),
)

_WORKER = Path(__file__).with_name("worker.py")


def install() -> None:
    """Send Python functions down the path of custom runtimes."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    other_worker, other_execution = lambda_runtime._worker_class_for, lambda_svc._execute_function_warm
    other_environment = lambda_svc._provided_worker_env

    def worker_class(config: dict[str, Any]) -> Any:
        return _python_worker_class() if _is_python(config) else other_worker(config)

    def execute(function: dict[str, Any], event: Any, request_id: str) -> Any:
        if not _is_python(function.get("config") or function):
            return other_execution(function, event, request_id)
        return _with_log(lambda_svc._execute_function_provided_warm(function, event, request_id))

    def environment(config: dict[str, Any], code: str, port: int) -> Any:
        return _environment(config, code, port) if _is_python(config) else other_environment(config, code, port)

    lambda_runtime._worker_class_for = worker_class
    lambda_svc._execute_function_warm = execute
    lambda_svc._provided_worker_env = environment


def _with_log(result: dict[str, Any]) -> dict[str, Any]:
    """The result; a failure that left no line in the log, of an import for example, gets the one that Lambda writes."""
    if result.get("error") and not result.get("log"):
        body = result["body"]
        result["log"] = f"[ERROR] {body.get('errorType')}: {body.get('errorMessage')}"
    return result


def stop() -> None:
    """End every function's process."""
    from ministack.core import lambda_runtime

    lambda_runtime.reset()


def _is_python(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


@functools.cache
def _python_worker_class() -> type:
    """The worker's class; made when first needed, because its base comes with MiniStack."""
    from ministack.core import lambda_runtime

    class PythonWorker(lambda_runtime.ProvidedWorker):  # type: ignore[misc]  # MiniStack is untyped
        """A custom runtime whose bootstrap is ours."""

        def __init__(self, name: str, config: dict[str, Any], code: bytes) -> None:
            super().__init__(name, config, _with_bootstrap(code))

        def _await_init(self, timeout: float | None = None) -> None:
            try:
                super()._await_init(timeout)
            except RuntimeError as error:
                failure = self._init_error  # what awslambdaric reports, of a module that cannot be imported for example
                if not isinstance(failure, dict):
                    raise
                message, kind = str(failure.get("errorMessage")), str(failure.get("errorType"))
                raise lambda_runtime.ProvidedRuntimeError(message, kind) from error

    return PythonWorker


def _with_bootstrap(code: bytes) -> bytes:
    """The deployment package with an executable `bootstrap` in it."""
    package = io.BytesIO(code)
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr(entry, f'#!/bin/sh\nexec "{sys.executable}" "{_WORKER}"\n')
    return package.getvalue()


def _environment(config: dict[str, Any], code: str, port: int) -> dict[str, str]:
    """A function's environment: Lambda's variables, the template's, the role's credentials; nothing of the server's.

    Args:
        config: the function's configuration.
        code: folder of the unpacked deployment package.
        port: where its Runtime API listens.
    """
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    attached = [lambda_svc._resolve_layer_zip(layer) for layer in config.get("Layers", [])]
    folders = [layers.unpack(content) / "python" for content in attached if content]
    runtime = {
        "PATH": os.environ["PATH"],
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": tempfile.gettempdir(),
        "PYTHONPATH": os.pathsep.join([code, *map(str, folders)]),
        "LAMBDA_TASK_ROOT": code,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
    }
    # On AWS there are neither files nor an endpoint; here the files of whoever runs the server must not be read.
    ours = {name: os.environ[name] for name in ("AWS_ENDPOINT_URL", *_NOTHING_OF_THE_USERS)}
    credentials: dict[str, str] = lambda_runtime.execution_credentials(config)
    variables: dict[str, str] = lambda_svc._runtime_env_vars(config)
    return runtime | _lambda_variables(config) | variables | credentials | ours


_NOTHING_OF_THE_USERS = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED")


def _lambda_variables(config: dict[str, Any]) -> dict[str, str]:
    """The variables that Lambda defines, from the function's configuration."""
    name, region = str(config["FunctionName"]), str(config["FunctionArn"]).split(":")[3]
    logging = config.get("LoggingConfig") or {}
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
        "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
        "AWS_LAMBDA_LOG_FORMAT": str(logging.get("LogFormat") or "Text"),
        "_HANDLER": str(config["Handler"]),
    }
