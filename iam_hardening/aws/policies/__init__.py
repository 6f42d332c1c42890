"""Who can do what: every policy document of the program, as plain AWS-cased dictionaries, by who gets it.

Pure functions, no Pulumi and no network, so that a test can assert the whole rendered JSON. Rules that hold
for all of them: a Sid on every statement; exact actions in what allows, except in the boundary of Vault's
users, which allows nothing alone; exact ARNs of the right partition; no wildcard in a trust policy; and a
Deny wherever an Allow elsewhere could be too wide.
"""
