"""One person's path, step by step: from credentials to a role in a workload account, and to Vault's.

Read-only, but for credentials from Vault, which are asked for with `--try` only. It knows no secret that it
would print: key IDs and names are what it shows.
"""
