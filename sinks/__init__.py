"""Ways out: one destination a file."""
