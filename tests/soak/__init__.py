"""A server under load for minutes: boots, junk, clients that leave or stall, reloads. Whether it grows."""
