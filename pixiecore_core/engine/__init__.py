"""The order of things, pure: decide, write the script, remember an attempt, word a fact. Sends nothing."""
