"""`iam-hardening adopt --stack dev`: what of a stack exists already, the import file for it, what an up
would change.

`scratch` asks the engine what the stack makes, in a separate state that is thrown away; `lookups` asks the
account and Vault which of that exists; `lockout` says what a person should know before the up.
"""
