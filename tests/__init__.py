"""The tests of Care Alerts."""
