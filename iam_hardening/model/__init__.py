"""What one account is to hold, derived from its settings."""
