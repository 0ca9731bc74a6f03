"""The typed face of pluggy: loading plugins and calling their hooks."""
