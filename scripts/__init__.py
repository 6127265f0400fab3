"""What developers run: set-up, demo, tests, and the real Home Assistant those use."""
