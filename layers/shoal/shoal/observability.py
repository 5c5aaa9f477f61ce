"""Logger and metrics of the control plane, made once."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

logger = Logger(service="shoal", log_uncaught_exceptions=True)
metrics = Metrics(namespace="Shoal", service="shoal")
