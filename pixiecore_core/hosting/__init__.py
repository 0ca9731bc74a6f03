"""A process on its host: as whom it runs, and with which privileges."""
