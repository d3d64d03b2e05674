"""All settings, from the environment and a `.env` file. Each secret also as `…_FILE`."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from schemas import signature
from schemas.record import Email

PREFIX = "CSATWATCH_"


class BadSettings(Exception):
    """Settings that cannot be used; one line a mistake, each with the name, the shape and the fix."""


def _bind(value: str) -> str:
    if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}", value):
        msg = "must be HOST:PORT, like 127.0.0.1:8080"
        raise ValueError(msg)
    return value


def _signing_secret(value: SecretStr) -> SecretStr:
    signature.key(value.get_secret_value())  # raises where it is none
    return value


Bind = Annotated[str, AfterValidator(_bind)]


Channel = Annotated[str, Field(pattern=r"^[CDG][A-Z0-9]{2,}$")]
"""The id of a Slack channel."""


Names = Annotated[str, Field(pattern=r"^[^,]*[^\s,][^,]*(,[^,]*[^\s,][^,]*)*$")]
"""Names with commas between; a name can have spaces."""


class SourceSettings(BaseModel):
    """Of one survey source: `CSATWATCH_SOURCE_<NAME>_SECRET` and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: SecretStr | None = None
    """What its webhooks are signed with; without it none are taken."""
    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """Where its API is, for `csatwatch poll`."""
    user: Annotated[str, Field(min_length=1, max_length=320)] | None = None
    """Whose the token is, where the API asks: the e-mail address of a Zendesk agent."""
    token: SecretStr | None = None
    """Of its API."""


class Settings(BaseModel):
    """What an installation sets. Field names are the environment's names without the prefix, in lower case."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kafka_url: Annotated[str, Field(pattern=r"^kafka://[^,\s/@]+:\d+(,(kafka://)?[^,\s/@]+:\d+)*$")] = (
        "kafka://127.0.0.1:9092"
    )
    """kafka://HOST:PORT, more brokers after commas."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """With TLS: SSL, SASL_SSL; with a user and a password: SASL_PLAINTEXT, SASL_SSL."""
    kafka_security_ca_file: Path | None = None
    """PEM; without it, the system's authorities."""
    kafka_security_cert_file: Path | None = None
    """The client's certificate, PEM."""
    kafka_security_key_file: Path | None = None
    """Its private key, PEM."""
    kafka_security_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the user and the password are shown to Kafka."""
    kafka_security_username: str | None = None
    """For SASL."""
    kafka_security_password: SecretStr | None = None
    """For SASL."""
    kafka_transactions: bool = True
    """Off for brokers without transactions: then one detector at a time, see docs/operations.md."""
    postgres_dsn: SecretStr = SecretStr("postgresql://csatwatch@127.0.0.1:5432/csatwatch")
    """postgresql://USER:PASSWORD@HOST:PORT/DATABASE."""
    state_dir: Path = Path("state")
    """A directory for the detector's local copy of its state."""
    session_timeout_seconds: Annotated[float, Field(ge=1, le=60)] = 10
    """A worker that says nothing for so long is given up, and its partitions go to others."""
    static_membership: bool = False
    """A detector that comes back within the session timeout has its partitions again, and no other is disturbed."""
    standby_replicas: Annotated[int, Field(ge=0, le=8)] = 0
    """So many detectors beside its owner keep a partition's state, to take it over at once."""
    policy: Path | None = None
    """A policy file, see docs/policy.md; without it, the one that ships."""
    workflows: Path | None = None
    """A directory of workflow files, see docs/workflows.md; without it, those that ship."""
    plugins: Path | None = None
    """A directory of Python files with actions of one's own, see docs/how-to-action.md."""
    templates: Path | None = None
    """A directory with texts of one's own in place of those that ship, see docs/how-to-texts.md."""
    sources: Path | None = None
    """A directory with mappings of survey sources of one's own, see docs/sources.md; those that ship are known too."""
    source: Mapping[str, SourceSettings] = Field(default_factory=dict)
    """By the source's name."""
    slack_bot_token: SecretStr | None = None
    """xoxb-…; without it, messages are shown on the pages only."""
    slack_api_url: Annotated[str, Field(pattern=r"^https?://\S+/$")] = "https://slack.com/api/"
    """Slack's, unless something stands in between."""
    slack_fallback_channel: Channel | None = None
    """The id of the channel for messages whose CSM is not known, or not in Slack."""
    slack_unowned_channel: Channel | None = None
    """The id of the channel for customers without a CSM; without it, the fallback channel."""
    slack_manager_channel: Channel | None = None
    """The id of the channel that hears of alerts which nobody takes in hand, see docs/notify.md."""
    slack_operator_channel: Channel | None = None
    """The id of the channel that hears of steps which were given up; without it, the fallback channel."""
    slack_timeout_seconds: Annotated[float, Field(ge=0.1, le=60)] = 10
    """How long Slack may take to answer. A step whose worker died is taken over after about three times as long."""
    slack_app_token: SecretStr | None = None
    """xapp-…: clicks come over Socket Mode, and no public address is needed, see docs/acting.md."""
    slack_signing_secret: SecretStr | None = None
    """Clicks come to /slack/interactions of the pages' address, signed with it."""
    slack_managers: Annotated[str, Field(pattern=r"^[^\s,]+(\s*,\s*[^\s,]+)*$")] | None = None
    """Who may act on every customer's alerts: e-mail addresses or Slack user ids, with commas between."""
    smtp_url: SecretStr | None = None
    """smtp://USER:PASSWORD@HOST:PORT, with STARTTLS, or smtps://…; without it nothing is mailed."""
    smtp_sender: Email | None = None
    """The address that mail comes from, with answers to the CSM; without it, the CSM's own."""
    smtp_ca_file: Path | None = None
    """PEM; without it, the system's authorities."""
    smtp_timeout_seconds: Annotated[float, Field(ge=0.1, le=60)] = 10
    """How long the mail server may take for each of its answers."""
    tasks_system: Literal["builtin", "webhook", "jira", "linear"] = "builtin"
    """What holds the tasks beside the list on the pages, see docs/how-to-tasks.md."""
    tasks_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """Of the Jira site or of the webhook's receiver; Linear's API is known."""
    tasks_user: str | None = None
    """The e-mail address of the Jira account."""
    tasks_token: SecretStr | None = None
    """The API token of Jira, or the API key of Linear."""
    tasks_secret: Annotated[SecretStr, AfterValidator(_signing_secret)] | None = None
    """whsec_…: the key of the webhooks' signatures, both ways."""
    tasks_project: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")] | None = None
    """The key of Jira's project, or of Linear's team."""
    tasks_issue_type: Annotated[str, Field(min_length=1, max_length=100)] = "Task"
    """Of the issues opened in Jira, by its name."""
    tasks_body: Path | None = None
    """A JSON file with the webhook's body, whose texts are templates."""
    tasks_timeout_seconds: Annotated[float, Field(ge=0.1, le=60)] = 10
    """How long a task system may take to answer."""
    tasks_poll_seconds: Annotated[float, Field(ge=1, le=86_400)] = 60
    """How often Jira or Linear is asked what was closed there."""
    oidc_issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """The address of the provider that people sign in with, as it names itself, see docs/sign-in.md."""
    oidc_client_id: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """What the provider knows these pages by."""
    oidc_client_secret: SecretStr | None = None
    """None for a public client."""
    oidc_scopes: Annotated[str, Field(pattern=r"^(.* )?openid( .*)?$")] = "openid email profile"
    """What the provider is asked to say of people, with spaces between."""
    oidc_role_claim: Annotated[str, Field(min_length=1, max_length=200)] = "roles"
    """The provider's claim that says what people are, such as `groups`."""
    oidc_managers: Names | None = None
    """Values of that claim, or e-mail addresses, with commas between: they see every account."""
    oidc_operators: Names | None = None
    """The same, of those who also look after the running system."""
    oidc_email_verified_claim: Annotated[str, Field(min_length=1, max_length=200)] = "email_verified"
    """The claim that says that the e-mail address is the person's own."""
    session_key: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Signs the cookies of who is signed in; without it, a new one at each start."""
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12
    """After so long a person signs in anew."""
    sign_in_link: Literal["loopback", "published", "off"] = "loopback"
    """Without a provider, a one-time link for who sits at this machine, see docs/sign-in.md; `published`: the port of
    the container is."""
    sign_in_token: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Of the first one-time link; without it, the log says one."""
    parts: (
        Annotated[str, Field(pattern=r"^\s*[\w.-]+=https?://[^\s,=]+(\s*,\s*[\w.-]+=https?://[^\s,=]+)*\s*$")] | None
    ) = None
    """Where each process has its /readyz, for the operators' page: NAME=http://HOST:PORT, with commas between."""
    web_bind: Bind = "127.0.0.1:8080"
    """HOST:PORT of the pages."""
    metrics_bind: Bind = "127.0.0.1:9100"
    """HOST:PORT of /metrics, /livez and /readyz; a port that is taken moves on by one, and the log says so."""
    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = "csatwatch"
    """Consumer groups, the changelog and transactional ids begin with it."""
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    """Before every topic's name."""
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Of the topics that `csatwatch topics create` makes."""
    replication: Annotated[int, Field(ge=1, le=10)] = 1
    """Of the same: 3 on three brokers or more."""
    public_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """Where people reach the pages: for links in messages, and its host name is answered."""
    dead_letter_limit: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the last 100,000 records: more dead letters than that (and 20,000) stop the detector. 1: never."""
    traces_url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    """Where an OpenTelemetry collector takes spans over HTTP; without it, none are made, see docs/monitoring.md."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least that is logged."""
    log_format: Literal["human", "json"] = "human"
    """Lines for people, or one JSON object a line."""

    @property
    def bootstrap(self) -> list[str]:
        """The brokers as HOST:PORT."""
        return [part.removeprefix("kafka://") for part in self.kafka_url.split(",")]

    def topic(self, name: str) -> str:
        """The name of a topic on this installation's broker."""
        return self.topic_prefix + name

    @property
    def managers(self) -> frozenset[str]:
        """`slack_managers`, each in lower case."""
        return frozenset(each.strip().lower() for each in (self.slack_managers or "").split(",") if each.strip())

    @property
    def named_parts(self) -> list[tuple[str, str]]:
        """`parts` as names and addresses, without a slash at their end."""
        pairs = (each.strip().partition("=") for each in (self.parts or "").split(",") if each.strip())
        return [(name, address.rstrip("/")) for name, _, address in pairs]

    def group(self, role: str) -> str:
        """The consumer group of a process."""
        return f"{self.app_id}-{role}"


_SECRETS = frozenset(
    {
        "postgres_dsn",
        "slack_bot_token",
        "slack_app_token",
        "slack_signing_secret",
        "smtp_url",
        "kafka_security_password",
        "tasks_token",
        "tasks_secret",
        "oidc_client_secret",
        "session_key",
        "sign_in_token",
    }
)
OF_SOURCE = re.compile(r"source_([a-z][a-z0-9_]{0,39})_(secret|url|user|token|secret_file|token_file)")
"""A setting of one survey source, by its field: the source's name, and what of it."""
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "builtin": (),
    "webhook": ("tasks_url", "tasks_secret"),
    "jira": ("tasks_url", "tasks_user", "tasks_token", "tasks_project"),
    "linear": ("tasks_token", "tasks_project"),
}
_SHAPES: Mapping[str, str] = {
    "kafka_url": "must be kafka://HOST:PORT, more brokers after commas",
    "slack_api_url": "must be an http(s) address that ends in /",
    **dict.fromkeys(
        ("slack_fallback_channel", "slack_unowned_channel", "slack_manager_channel", "slack_operator_channel"),
        "must be a channel's id, like C0123456789: Slack shows it below the channel's details",
    ),
    "slack_timeout_seconds": "must be seconds, from 0.1 to 60",
    "source": "must be CSATWATCH_SOURCE_NAME_SECRET, …_URL, …_USER or …_TOKEN, NAME being the source's",
    "slack_managers": "must be e-mail addresses or Slack user ids, with commas between",
    "smtp_sender": "must be an e-mail address",
    "smtp_timeout_seconds": "must be seconds, from 0.1 to 60",
    "session_timeout_seconds": "must be seconds, from 1 to 60",
    "static_membership": "must be true or false",
    "standby_replicas": "must be a number from 0 to 8",
    "tasks_system": "must be builtin, webhook, jira or linear",
    "tasks_url": "must be an http(s) address",
    "tasks_project": "must be the key of a Jira project or a Linear team, like CSM",
    "tasks_timeout_seconds": "must be seconds, from 0.1 to 60",
    "tasks_poll_seconds": "must be seconds, from 1 to 86400",
    "parts": "must be NAME=http://HOST:PORT of each process, with commas between",
    "oidc_issuer": "must be the provider's http(s) address, as it names itself",
    "oidc_scopes": "must be scopes with spaces between, openid among them",
    "oidc_managers": "must be values of the role claim or e-mail addresses, with commas between",
    "oidc_operators": "must be values of the role claim or e-mail addresses, with commas between",
    "session_key": "must be 32 characters or more, of a secret that nobody can guess",
    "session_hours": "must be hours, up to 720",
    "sign_in_link": "must be loopback, published or off",
    "sign_in_token": "must be 32 characters or more, of a secret that nobody can guess",
    "public_url": "must be an http(s) address",
    "traces_url": "must be the http(s) address of a collector, like http://127.0.0.1:4318/v1/traces",
    "app_id": "must be letters, digits, dot, dash and underscore",
    "topic_prefix": "must be letters, digits, dot, dash and underscore",
}

_SOURCE_SHAPES: Mapping[str, str] = {
    "secret": "must be text",
    "token": "must be text",
    "url": "must be an http(s) address without ? and #",
    "user": "must be of 1 to 320 characters",
}


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path = Path(".env")) -> Settings:
    """Settings from `env_file` and over it `environ` (the process's own where None). Raises `BadSettings`."""
    try:
        in_file = {name: value for name, value in dotenv_values(env_file).items() if value is not None}
    except (OSError, UnicodeDecodeError):
        msg = f"{env_file} cannot be read: it must be UTF-8 text with lines NAME=value"
        raise BadSettings(msg) from None
    given: dict[str, str] = {}
    for source in (in_file, os.environ if environ is None else environ):
        given |= _ours(source)
    try:
        settings = Settings.model_validate(_by_source(given))
    except ValidationError as error:
        raise BadSettings("\n".join(_say(e) for e in error.errors(include_url=False))) from None
    if missing := [name for name in _NEEDED[settings.tasks_system] if getattr(settings, name) is None]:
        names = ", ".join(PREFIX + name.upper() for name in missing)
        raise BadSettings(f"{PREFIX}TASKS_SYSTEM is {settings.tasks_system!r}: it needs {names} too")
    if (settings.oidc_issuer is None) != (settings.oidc_client_id is None):
        raise BadSettings(f"{PREFIX}OIDC_ISSUER and {PREFIX}OIDC_CLIENT_ID go together: set both, or neither")
    return settings


def _ours(source: Mapping[str, str]) -> dict[str, str]:
    """Our variables in `source`, by field; `…_FILE` gives its file's content. What is empty counts as not set."""
    found: dict[str, str] = {}
    for name, value in source.items():
        if not name.startswith(PREFIX) or not value:
            continue
        field = name.removeprefix(PREFIX).lower()
        is_secret = field.removesuffix("_file") in _SECRETS or OF_SOURCE.fullmatch(field) is not None
        if field not in Settings.model_fields and field.endswith("_file") and is_secret:
            if secret := _secret(name, Path(value)):
                found[field.removesuffix("_file")] = secret
        else:
            found[field] = value
    return found


def _by_source(given: Mapping[str, str]) -> dict[str, Any]:
    """The same, with what is of one source below its name."""
    plain: dict[str, Any] = {}
    sources: dict[str, dict[str, str]] = {}
    for field, value in given.items():
        if field not in Settings.model_fields and (of := OF_SOURCE.fullmatch(field)) is not None:
            sources.setdefault(of[1], {})[of[2]] = value
        else:
            plain[field] = value
    return {**plain, **({"source": sources} if sources else {})}


def _secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        msg = f"{name}: no readable file is at {path}: name the file that holds the secret"
        raise BadSettings(msg) from None


def _say(error: ErrorDetails) -> str:
    if len(error["loc"]) == 3:  # noqa: PLR2004 (source, its name, what of it)
        name = PREFIX + "_".join(str(part) for part in error["loc"]).upper()
        return f"{name}: {_SOURCE_SHAPES[str(error['loc'][2])]}"
    field = str(error["loc"][0])
    name = PREFIX + field.upper()
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, Settings.model_fields, n=1)
        return f"{name} is not a setting: {f'did you mean {PREFIX}{near[0].upper()}?' if near else 'remove it'}"
    shown = "" if field in _SECRETS else f" is {error['input']!r:.80}"
    return f"{name}{shown}: {_SHAPES.get(field) or error['msg'].removeprefix('Value error, ')}"
