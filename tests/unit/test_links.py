"""Do links lead to the console of the partition that a thing is in?"""

from __future__ import annotations

import pytest

from shoal import links


@pytest.mark.parametrize(
    ("partition", "console"),
    [
        ("aws", "https://us-east-1.console.aws.amazon.com/"),
        ("aws-cn", "https://us-east-1.console.amazonaws.cn/"),
        ("aws-us-gov", "https://us-east-1.console.amazonaws-us-gov.com/"),
    ],
)
def test_a_link_leads_to_the_partitions_console(partition: str, console: str) -> None:
    stack = f"arn:{partition}:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/0a1b"
    assert links.stack(stack).startswith(f"{console}cloudformation/")
    assert links.repository(partition, "us-east-1", "111111111111", "shoal/genomics").startswith(f"{console}ecr/")


def test_a_stack_id_is_quoted_in_its_link() -> None:
    assert links.stack("arn:aws:cloudformation:us-east-1:1:stack/a/b").endswith("stack%2Fa%2Fb")
