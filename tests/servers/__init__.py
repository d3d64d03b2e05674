"""The servers that integration tests run against, and what tests do with them."""
