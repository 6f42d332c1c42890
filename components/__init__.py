"""One file, one ComponentResource, one hardening step. `__main__.py` puts them together."""
