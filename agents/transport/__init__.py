"""Faust's aiokafka transport, a batch at a time.

Stock Faust spends two asyncio tasks a record, and may commit an offset whose results are not in Kafka yet. Here one
Faust message carries what one fetch brought of a partition; what follows from it is acknowledged before its offset is
committed; and a failed send ends the worker instead of being logged. docs/decisions/0003 has the measurements.
"""
