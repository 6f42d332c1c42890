"""Names, ARNs, event patterns and policy documents: pure functions, no Pulumi and no network."""
