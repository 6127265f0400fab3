"""Dexcom: the alerts of a person's CGM, one to three hours after they sounded."""
