"""Verbs: what follows from what. Pure functions: no Faust, no clock, no environment, no logging."""
