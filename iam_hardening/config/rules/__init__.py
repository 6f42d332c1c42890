"""What a stack file must fulfil that its schema cannot say, by topic."""
