"""Every metric, declared once. Renaming one is a breaking change: say so in the changelog.

Labels come from small closed sets, never from a customer or a text.
"""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400)

BUILD = Gauge("csatwatch_build_info", "1, with the version of the program.", ["version"], registry=REGISTRY)
BUILD.labels(version("csatwatch")).set(1)
EVENTS = Counter(
    "csatwatch_events",
    "Records of csat-events by type and by what became of them: applied, duplicate, late, replayed, dead_letter, "
    "rerouted, stored or skipped (by the store, where the detector makes a dead letter of it).",
    ["role", "event_type", "result"],
    registry=REGISTRY,
)
ALERTS = Counter(
    "csatwatch_alerts",
    "Alert records published, by kind, severity and status.",
    ["kind", "severity", "status"],
    registry=REGISTRY,
)
DEAD_LETTERS = Counter(
    "csatwatch_dead_letters", "Records sent to the dead-letter topic, by error class.", ["error"], registry=REGISTRY
)
ALERTS_TAKEN = Counter(
    "csatwatch_alerts_taken",
    "Records of alerts that deliver has read, by result: recorded, known, or unreadable.",
    ["result"],
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "csatwatch_deliveries",
    "Attempts to deliver a step, by sink and result: done, retry, held (it waits, though nothing failed), failed, "
    "cancelled, or lost (to another worker, after the lease).",
    ["sink", "result"],
    registry=REGISTRY,
)
DELIVERIES_WAITING = Gauge(
    "csatwatch_deliveries_waiting", "Steps that are due and not done yet, by sink.", ["sink"], registry=REGISTRY
)
TASK_POLLS = Counter(
    "csatwatch_task_polls",
    "Times that a task system was asked what was closed there, by result: done or failed.",
    ["result"],
    registry=REGISTRY,
)
ALERT_SECONDS = Histogram(
    "csatwatch_alert_seconds",
    "From the broker's time of the event to the acknowledged alert.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
DELIVERY_SECONDS = Histogram(
    "csatwatch_delivery_seconds",
    "From the broker's time of the alert to the settled step, by sink; what a step had to wait for by itself (a delay, "
    "quiet hours) does not count.",
    ["sink"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
TRENDS_TAKEN = Counter(
    "csatwatch_trends_taken",
    "Records of csat-trends that deliver has read, by result: stored or skipped.",
    ["result"],
    registry=REGISTRY,
)
DIGESTS = Counter(
    "csatwatch_digests",
    "Weekly digests by what became of them: made, empty (nothing to say, and by the policy nothing sent), failed (an "
    "attempt) or published.",
    ["result"],
    registry=REGISTRY,
)
DIGESTS_WAITING = Gauge(
    "csatwatch_digests_waiting", "Weekly digests that are due and not published yet.", registry=REGISTRY
)
DIGEST_LAST = Gauge(
    "csatwatch_digest_last_timestamp_seconds",
    "When the last weekly digest that is through was due, in seconds since 1970; 0: there was none yet.",
    registry=REGISTRY,
)
LAG = Gauge(
    "csatwatch_lag_records",
    "Records of the topic's partitions owned here that are not handled yet.",
    ["role", "topic"],
    registry=REGISTRY,
)
LAG_SECONDS = Gauge(
    "csatwatch_lag_seconds",
    "How long the oldest record that was read here and is not done yet has been in the topic; 0: there is none.",
    ["role", "topic"],
    registry=REGISTRY,
)
CHECKPOINT_SECONDS = Histogram(
    "csatwatch_checkpoint_seconds",
    "Time of one checkpoint: changed states and source offsets, encoded, written and acknowledged.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
STATE_RESTORED = Gauge(
    "csatwatch_state_restored_ratio",
    "How much of the state is restored after an assignment, 0 to 1.",
    registry=REGISTRY,
)
STANDBY_LAG = Gauge(
    "csatwatch_standby_lag_records",
    "Offsets of the changelog that a worker standing by for other workers' partitions has not read yet.",
    registry=REGISTRY,
)
CUSTOMERS_KNOWN = Gauge("csatwatch_accounts", "Accounts known to the detector.", registry=REGISTRY)
STORED_SECONDS = Histogram(
    "csatwatch_store_seconds", "From the broker's time of an event to its row.", buckets=_SECONDS, registry=REGISTRY
)
ACCOUNT_RECORDS = Counter(
    "csatwatch_account_records",
    "Records of customers by what the store made of them: stored or skipped.",
    ["result"],
    registry=REGISTRY,
)
ACTIONS_TAKEN = Counter(
    "csatwatch_actions_taken",
    "Records of csm-actions that deliver has read, by result: recorded, known, or unreadable.",
    ["result"],
    registry=REGISTRY,
)
REQUESTS = Counter(
    "csatwatch_requests",
    "What people asked for and got, by the kind of the result: email_sent, call_failed and so on.",
    ["result"],
    registry=REGISTRY,
)
CLICKS = Counter(
    "csatwatch_clicks",
    "Clicks and forms from Slack by what became of them: recorded, opened, told, refused, or failed.",
    ["result"],
    registry=REGISTRY,
)
SOURCE_ANSWERS = Counter(
    "csatwatch_source_answers",
    "What survey sources said by webhook, by source and by what became of it: published, unresolved (kept until it is "
    "known whose it is), ignored (no answer), unreadable, refused (without a signature that holds), slowed (too much "
    "at once) or away (Kafka or Postgres was, and the source comes again).",
    ["source", "result"],
    registry=REGISTRY,
)
