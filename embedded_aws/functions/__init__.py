"""Lambda: functions under AWS's own runtime client."""
