"""Shoal on the nodes: standard library and boto3 only, Python 3.9 and later."""
