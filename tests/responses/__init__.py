"""Tests of what a house does about an episode."""
