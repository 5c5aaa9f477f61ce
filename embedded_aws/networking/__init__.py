"""Network namespaces of jobs and instances, and the way from them to the server."""
