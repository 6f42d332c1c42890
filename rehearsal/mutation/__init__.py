"""`iam-hardening mutate`: every policy of the deployed accounts, made worse in every way; the claims must
notice.

Not part of the rehearsal: it shows that the claims are sharp, not that the policies are right.
"""
