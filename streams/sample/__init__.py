"""Made-up feeds: the sample that ships, with known cases planted in it, and larger ones of the same make.

Pure and seeded: the same arguments give the same bytes.
"""

from streams.sample.accounts import account, accounts
from streams.sample.feed import Shape, feed
from streams.sample.planted import Planted
from streams.sample.record import SampleRecord
from streams.sample.sample import DEFAULT_SEED, Sample, generate

__all__ = ["DEFAULT_SEED", "Planted", "Sample", "SampleRecord", "Shape", "account", "accounts", "feed", "generate"]
