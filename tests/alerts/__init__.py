"""Tests of what an alert is: without Home Assistant, without a network, without a clock."""
