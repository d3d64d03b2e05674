"""Survey sources whose answers can be asked for: how each API is read, by the source's name."""

from agents.polls.api import Api, Asked, Poll
from agents.polls.chatwoot import CHATWOOT
from agents.polls.formbricks import FORMBRICKS
from agents.polls.freshdesk import FRESHDESK
from agents.polls.intercom import INTERCOM
from agents.polls.zendesk import ZENDESK

POLLS = {poll.name: poll for poll in (CHATWOOT, FORMBRICKS, FRESHDESK, INTERCOM, ZENDESK)}

__all__ = ["POLLS", "Api", "Asked", "Poll"]
