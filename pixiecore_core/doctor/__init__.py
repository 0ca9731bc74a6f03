"""Looks at this host before a server starts on it: each check takes what it needs and returns findings."""
