"""Tidepool: a care partner's alert thresholds, and the readings they are judged by here."""
