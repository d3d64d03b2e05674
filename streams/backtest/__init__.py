"""What a policy would have done on a history: the detector's own pipeline, without servers and without a clock."""
