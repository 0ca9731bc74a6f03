"""The pixiecore command."""
