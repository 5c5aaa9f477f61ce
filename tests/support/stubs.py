"""Answers of AWS given one by one, in order; a call that was not expected, or was not made, fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from botocore.stub import Stubber

from shoal.aws import session


class Stubs:
    """One stub for each service's client in use."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._stubbers: dict[str, Stubber] = {}

    def expect(self, service: str, operation: str, answer: dict[str, Any], **arguments: Any) -> None:
        """The next call of a service, with exactly these arguments."""
        self._stubber(service).add_response(operation, answer, arguments)

    def fail(self, service: str, operation: str, code: str, message: str = "", **arguments: Any) -> None:
        """The next call of a service fails."""
        self._stubber(service).add_client_error(operation, code, message, expected_params=arguments)

    def _stubber(self, service: str) -> Stubber:
        if service not in self._stubbers:
            self._stubbers[service] = self._stack.enter_context(Stubber(session.client(service)))
        return self._stubbers[service]

    def exhausted(self) -> None:
        """Every expected call was made."""
        for stubber in self._stubbers.values():
            stubber.assert_no_pending_responses()


@contextmanager
def stubs() -> Iterator[Stubs]:
    """Stub the clients that the product uses."""
    with ExitStack() as stack:
        stubbed = Stubs(stack)
        yield stubbed
        stubbed.exhausted()
