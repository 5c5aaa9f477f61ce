"""A build's log stream, written while the build runs.

AWS: https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html - the service role creates
the stream and writes the events; without the right to, no build starts.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_BATCH = 500
"""Lines in one PutLogEvents; AWS takes 10,000."""


class LogDeniedError(Exception):
    """The service role may not write the build's log."""


class LogStream:
    """Takes lines from the build, hands them to CloudWatch Logs in batches from a thread of its own."""

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        """Create the stream, and the group where it is missing.

        Args:
            logs: a client of CloudWatch Logs with the project's role.
            group: the log group's name.
            stream: the log stream's name.

        Raises:
            LogDeniedError: the role may not.
        """
        self._logs, self._group, self._stream = logs, group, stream
        self._lines: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        try:
            self._create()
        except ClientError as error:
            raise LogDeniedError(str(error)) from error
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def emit(self, line: str) -> None:
        """Add a line; empty ones are left out, as CloudWatch Logs refuses them."""
        if line:
            self._lines.put((int(time.time() * 1000), line))

    def close(self) -> None:
        """Write what is left."""
        self._lines.put(None)
        self._writer.join()

    def _create(self) -> None:
        names = {"logGroupName": self._group, "logStreamName": self._stream}
        try:
            self._logs.create_log_stream(**names)
        except self._logs.exceptions.ResourceNotFoundException:
            # another build of the project may make the group at the same time
            with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
                self._logs.create_log_group(logGroupName=self._group)
            self._logs.create_log_stream(**names)

    def _write(self) -> None:
        open_ = True
        while open_:
            entries = [self._lines.get()]
            while len(entries) < _BATCH and not self._lines.empty():
                entries.append(self._lines.get())
            open_ = None not in entries
            events = [{"timestamp": entry[0], "message": entry[1]} for entry in entries if entry is not None]
            if events:
                # A build goes on when its log cannot be written any more, because the group was deleted for example.
                with contextlib.suppress(ClientError, BotoCoreError):
                    self._logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)
