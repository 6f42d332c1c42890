"""Compares a live account with its stack file, and changes nothing (`iam-hardening verify`).

What is looked at, a module each: `identities` (who has which policies, and which principals roles trust),
`account` (root user, credential report, password policy, what regions do by default), `simulation` (what
people may do, by AWS's own policy simulator), `alarms`, `vault_engine` (the mount, its roles and policies,
the audit device) and `vault_logins`.
"""
