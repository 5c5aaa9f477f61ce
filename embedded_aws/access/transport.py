"""A call over the loopback counts as one over TLS.

AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport
- `aws:SecureTransport` tells whether the request came over TLS, and bucket policies refuse what did not. The embedded
AWS speaks plain HTTP on 127.0.0.1, so every such policy would refuse everything; AWS's own endpoints speak TLS. That a
policy refuses plain HTTP is therefore not proven here: tests/template asserts the statements.
"""

from __future__ import annotations

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("app", "pin_request_origin"),)


def install() -> None:
    """Pin every request's origin as secure."""
    from ministack import app

    pin = app.pin_request_origin

    def pin_secure(source_ip: str, secure_transport: bool) -> None:
        pin(source_ip, True)

    app.pin_request_origin = pin_secure
