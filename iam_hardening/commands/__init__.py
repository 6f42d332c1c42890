"""The operators' commands, one file or folder each."""
