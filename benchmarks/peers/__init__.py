"""What people would use instead, written as they write it."""
