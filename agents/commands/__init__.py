"""The commands that do one thing and end. Each in a file of its own name; what they share beside them."""
