"""Nouns: what is said on a topic or stored. Frozen values, no input or output."""
