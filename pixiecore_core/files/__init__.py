"""Where boot bytes come from: local files, upstream URLs, the iPXE binaries of this system."""
