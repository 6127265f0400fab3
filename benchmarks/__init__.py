"""What Care Alerts costs, measured beside what a user would pick instead."""
