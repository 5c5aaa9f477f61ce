"""Jobs from the user's machine: submitting, watching, reading and ending what runs in a Batch cluster."""
