"""The same job on other engines, as a skilled user of each would write it.

Read all events of a topic, decode and validate them, keep each customer's ratings of 90 days in the engine's own
state, raise an alert for each poor rating and for a fallen average, produce the alerts. These run in an environment of
their own, which `python -m bench setup` makes; engines.py says how each is started.
"""
