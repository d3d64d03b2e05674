"""What acting on an alert needs, with a list in place of Kafka."""

from dataclasses import dataclass, field

from schemas.action import Action
from schemas.policy import load_policy
from web.doing import Acting
from web.slack.known import House


class AwayError(Exception):
    """Kafka is away."""


@dataclass(slots=True)
class Published:
    """The actions that were published, those on alerts and those on csatwatch itself; `away`: none can be."""

    actions: list[Action] = field(default_factory=list)
    system: list[Action] = field(default_factory=list)
    away: bool = False

    async def publish(self, action: Action) -> None:
        """As `web.doing.Publish`."""
        if self.away:
            raise AwayError
        if action.kind.is_of_the_system:
            self.system.append(action)
        else:
            self.actions.append(action)

    def acting(self, *, mails: bool = True) -> Acting:
        """For `web.app.build`."""
        return Acting(self.publish, House(load_policy(None), mails=mails))
