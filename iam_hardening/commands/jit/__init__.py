"""Just-in-time credentials: issue, revoke, sweep, audit."""
