"""The embedded AWS and an account, as its own tests have them."""

from tests.embedded_aws.conftest import account, server

__all__ = ["account", "server"]
