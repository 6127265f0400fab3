"""Lumen: weight, metabolic flexibility and medication alerts, one analysis a day."""
