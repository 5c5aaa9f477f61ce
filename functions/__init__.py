"""The control plane's functions, one folder each."""
