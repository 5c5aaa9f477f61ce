"""The entry point of the job image: standard library and the `aws` command only, Python 3.9 and later."""
