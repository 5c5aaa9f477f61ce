"""Systems Manager: public parameters, AWS's and the distributions' way to name their newest images."""

from __future__ import annotations

from collections.abc import Collection

from shoal.aws.session import client

_PER_CALL = 10  # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html


def public_parameters(names: Collection[str]) -> dict[str, str]:
    """The values of public parameters (`/aws/service/...`); a name that does not exist is left out."""
    wanted = sorted(set(names))
    values: dict[str, str] = {}
    for start in range(0, len(wanted), _PER_CALL):
        answer = client("ssm").get_parameters(Names=wanted[start : start + _PER_CALL])
        values |= {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    return values
