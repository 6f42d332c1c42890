"""The rehearsal: both stacks deployed by the real engine to an emulated AWS and a live Vault on this machine.

Nothing in here is part of what `pulumi up` does on a live account.
"""
