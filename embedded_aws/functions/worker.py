"""The process of one Python function: awslambdaric, which ends when the server that started it has ended.

A server that is killed cannot stop its functions; each looks after itself instead, so that none is left behind.
"""

from __future__ import annotations

import os
import sys
import threading
import time


def end_with(parent: int) -> None:
    """End this process soon after the process that started it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]  # as on AWS; it was this script's folder

    from awslambdaric.__main__ import main

    main([sys.argv[0], os.environ["_HANDLER"]])
