"""The real processes against real servers."""
