"""What ends together: an execution, one attempt of a Parallel or Map state, one run of a Task.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync - when an execution
is stopped, or another branch fails, a running `.sync` task is aborted, and Step Functions cancels its job. MiniStack
lets every branch, pause and job run to its end. Here whatever runs asks its scope whether it should still run.
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from typing import Any


@dataclass
class Scope:
    """Something that runs, inside of something that runs."""

    execution: dict[str, Any]
    """MiniStack's record of the execution."""
    role: str
    """ARN of the machine's role."""
    parent: Scope | None = None
    over: bool = False
    failure: BaseException | None = None
    """The first failure of a branch; the others end because of it."""

    def child(self) -> Scope:
        """A scope that ends with this one, or before it."""
        return Scope(self.execution, self.role, self)

    def ended(self) -> bool:
        """Whether what runs in it should stop."""
        if self.over or self.execution["status"] != "RUNNING":
            return True
        return self.parent is not None and self.parent.ended()


current: contextvars.ContextVar[Scope] = contextvars.ContextVar("scope")
"""The scope of the code that runs; MiniStack copies context variables into the threads of branches and tasks."""
