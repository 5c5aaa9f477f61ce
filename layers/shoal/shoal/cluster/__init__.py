"""A cluster's parts: configuration sections, rules and resources, one module each."""
