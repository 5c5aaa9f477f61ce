"""Logger and metrics of the control plane."""

from __future__ import annotations

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="shoal", log_uncaught_exceptions=True)


def count(name: str, **dimensions: str) -> None:
    """Count one of something, in CloudWatch's namespace `Shoal`; written to the log, so it costs no call.

    Dimensions are few and bounded, never a cluster's name: each combination is a metric that costs money
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension).
    """
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace="Shoal") as metric:
        for dimension, value in dimensions.items():
            metric.add_dimension(name=dimension, value=value)
