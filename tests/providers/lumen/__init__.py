"""Tests of Lumen."""
