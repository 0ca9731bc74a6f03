"""What happened: log lines, timelines, metrics."""
