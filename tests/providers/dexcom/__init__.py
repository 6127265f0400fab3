"""Tests of Dexcom."""
