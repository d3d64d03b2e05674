"""Tasks: the list in Postgres, and the task systems that can hold them too, one a file."""

from sinks.tasks.builtin import DESTINATION, Tasks
from sinks.tasks.card import due_at, title
from sinks.tasks.jira import Jira
from sinks.tasks.linear import Linear
from sinks.tasks.listed import Listed
from sinks.tasks.system import Closed, TaskSystem
from sinks.tasks.webhook import Webhook

__all__ = ["DESTINATION", "Closed", "Jira", "Linear", "Listed", "TaskSystem", "Tasks", "Webhook", "due_at", "title"]
