"""What an alert is: model, ledger, episodes, freshness.

Pure Python. Nothing here knows Home Assistant, a network or a clock: the time is always an argument.
"""
