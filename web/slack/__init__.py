"""Clicks and forms that come from Slack: who may, what follows, and the answer within three seconds."""
