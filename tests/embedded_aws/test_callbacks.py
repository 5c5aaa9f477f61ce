"""Does a task that waits for a token call under the machine's role, and notice silence?"""

from __future__ import annotations

import json
from typing import Any

from tests.support.embedded import ALLOW_ALL, Account
from tests.support.polling import until

SEND = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"


def _machine(account: Account, *statements: dict[str, Any], **state: Any) -> str:
    queue = account.client("sqs").create_queue(QueueName="asks")["QueueUrl"]
    arguments = {"QueueUrl": queue, "MessageBody": {"token": "{% $states.context.Task.Token %}"}}
    ask = {"Type": "Task", "Resource": SEND, "Arguments": arguments, "End": True} | state
    return account.machine("ask", {"StartAt": "Ask", "States": {"Ask": ask}}, *statements)


def _token(account: Account) -> str:
    sqs = account.client("sqs")
    queue = sqs.get_queue_url(QueueName="asks")["QueueUrl"]
    messages = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), what="the message")
    assert messages
    return str(json.loads(messages[0]["Body"])["token"])


def test_the_answer_becomes_the_tasks_result(account: Account) -> None:
    execution = account.start(_machine(account))

    account.client("stepfunctions").send_task_success(taskToken=_token(account), output='{"approved": true}')

    assert account.wait(execution)["output"] == {"approved": True}


def test_a_failure_that_is_sent_fails_the_task(account: Account) -> None:
    execution = account.start(_machine(account))

    account.client("stepfunctions").send_task_failure(taskToken=_token(account), error="Refused", cause="too dear")

    ended = account.wait(execution)
    assert (ended["error"], ended["cause"]) == ("Refused", "too dear")


def test_a_call_that_the_role_may_not_make_fails_at_once(account: Account) -> None:
    denied = {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}

    ended = account.run(_machine(account, ALLOW_ALL, denied, TimeoutSeconds=60))

    assert ended["error"] == "SQS.AmazonSQSException"


def test_silence_is_a_timeout(account: Account) -> None:
    assert account.run(_machine(account, TimeoutSeconds=1))["error"] == "States.Timeout"


def test_a_missing_heartbeat_is_a_timeout_of_its_own(account: Account) -> None:
    ended = account.run(_machine(account, TimeoutSeconds=60, HeartbeatSeconds=1))

    assert ended["error"] == "States.HeartbeatTimeout"


def test_a_stopped_execution_does_not_wait_on(account: Account) -> None:
    execution = account.start(_machine(account))
    token = _token(account)
    account.client("stepfunctions").stop_execution(executionArn=execution)

    def gone() -> bool:
        try:
            account.client("stepfunctions").send_task_heartbeat(taskToken=token)
        except account.client("stepfunctions").exceptions.TaskDoesNotExist:
            return True
        return False

    until(gone, what="the token's end")
