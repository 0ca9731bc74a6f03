"""gevent shells, thin: read, ask boot/ and the plugins, write."""
