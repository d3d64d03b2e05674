"""The detector under faults, on a real Apache Kafka: what goes in, what is done to it, and what must still hold."""
