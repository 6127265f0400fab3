"""The soak: weeks of a whole house in some minutes, under all that may happen to it."""
