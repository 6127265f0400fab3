"""Alerts people can act on: in a real Home Assistant with real automations, against the simulator."""
