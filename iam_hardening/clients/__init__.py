"""Connections to AWS and Vault for a person who runs a command, and what is read or changed through them."""
