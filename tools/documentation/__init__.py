"""Pages under `docs/` that follow the code, and generated blocks in pages written by hand."""
