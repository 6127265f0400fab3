"""What SECURITY.md claims."""
