"""Tests of Tidepool's part."""
