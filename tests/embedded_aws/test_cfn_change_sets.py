"""Is a change set found by the id of its stack?"""

from __future__ import annotations

import json

from tests.support.embedded import Account
from tests.support.polling import until


def test_a_change_set_is_described_by_its_name_and_the_stacks_id(account: Account) -> None:
    client = account.client("cloudformation")
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}
    stack = client.create_stack(StackName="one", TemplateBody=json.dumps({"Resources": {"Topic": topic}}))["StackId"]
    until(lambda: client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    topic["Properties"] = {"DisplayName": "two"}
    client.create_change_set(
        StackName=stack, ChangeSetName="change", TemplateBody=json.dumps({"Resources": {"Topic": topic}})
    )

    assert client.describe_change_set(StackName=stack, ChangeSetName="change")["StackId"] == stack
