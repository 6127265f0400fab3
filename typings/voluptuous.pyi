"""Home Assistant aliases voluptuous to probatio: so do the type checks."""

from probatio import *
