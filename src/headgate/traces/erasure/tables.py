"""Every table of the database, and what an erasure does with it. Pure.

A structure test compares this with the migrations: a new table has to be named here, as one that is erased or
as one that is not, and why. Read next: `traces.erasure.erasing`.
"""

from typing import Final

ERASED: Final[dict[str, str]] = {
    "requests": "",
    "request_bodies": "",
    "messages": "other calls hold the same text",
    "match_queue": "",
    "scores": "",
    "spans": "",
    "span_words": "",
    "span_events": "",
    "traces": "others have a part in it; the subject's name is taken out",
    "trace_changes": "",
    "rollup_days": "",
    "session_days": "",
    "unknown_prompts": "",
    "ledger": "the amount stays, since budgets count it; user and tags are taken out",
    "alerts": "",
    "saved_views": "",
    "journal_rejects": "",
    "experiment_units": "",
    "experiment_calls": "",
    "rollout_pairs": "",
    "marks": "",
    "judged_items": "",
    "dataset_cases": "",
    "drift_answers": "",
    "drift_watches": "",
    "check_results": "",
    "check_judgements": "",
    "context_replays": "",
}
"""Tables that rows, or names in them, are removed from; and why some may remain."""

COUNTED: Final[dict[str, str]] = {
    "open_calls": "calls on their way; they go as they end, and their records are erased then",
    "open_attempts": "attempts on their way, which budgets hold money for; they go as they end",
    "meters": "what a limit of this user's own has counted; goes once its windows are over",
}
"""Tables that are only counted."""

BELOW: Final = frozenset(
    {
        *("grounding_calls", "unknown_days", "unknown_calls", "prompt_said", "webhook_deliveries"),
        *("exports", "trace_merges"),
    }
)
"""Go with the rows that they belong to, or hold nothing but ids of them and go by themselves."""

KEPT: Final[dict[str, str]] = {
    "audit_log": "who changed what; an erasure stands there with a digest in place of the name",
    "live_objects": "keys, budgets and prompts are configuration; revoke a key by `headgate keys revoke`",
    "rollups": "sums by key, model and prompt, which name no person",
    "series_sums": "sums by hour and day of one of these, which name no person",
    "trace_rollups": "sums by hour, which name no person",
    "trace_rollup_days": "sums by day, which name no person",
    "metric_series": "sums by model, operation and service, which name no person",
    "metric_points": "sums by hour, which name no person",
    "metric_streams": "digests and sums, which name no person",
    "prompt_traffic": "sums by prompt",
    "prompt_feedback": "sums by prompt",
    "prompt_places": "sums by prompt",
    "feedback_queue": "ids alone, for seconds",
    "experiment_strays": "a count by experiment",
    "experiment_unpriced": "a count by arm and target",
    "rollout_left_out": "counts by stage",
    "rollouts": "where each stands",
    "rollout_moves": "who moved what, and why",
    "experiment_decisions": "sums by arm, sealed; they name no unit",
    "match_days": "sums by day",
    "text_queue": "ids alone, for seconds",
    "answer_queue": "ids alone, for seconds",
    "rate_pools": "rates of late; forgotten once nobody calls",
    "rate_shares": "rates of late; forgotten once nobody calls",
    "erasures": "what was asked; the name goes when the erasure stands no longer",
    "erasure_calls": "ids of what is erased, for 30 days",
    "erasure_cases": "ids of what is erased, for 30 days",
    "erasure_traces": "ids of what is erased, for 30 days",
    "erasure_messages": "digests of what is erased, for 30 days",
}
"""Tables that may name a subject and keep what they hold, and why; a receipt says so."""

NOBODY: Final = frozenset(
    {
        *(
            "live_sequence",
            "journals",
            "project_secrets",
            "budgets",
            "meter_windows",
            "leases",
            "closed_boots",
        ),
        *("budget_alerts", "grant_epochs", "grant_epoch_holders", "snapshots", "active_snapshot", "gateways"),
        *(
            "snapshot_history",
            "webhooks",
            "catalogues",
            "catalogue_sources",
            "catalogue_commits",
            "exporters",
        ),
        *(
            "catalogue_templates",
            "catalogue_versions",
            "unknown_states",
            "managed_prompts",
            "managed_versions",
        ),
        *("releases", "environment_moves", "prompts_unreleased", "rule_versions", "schema_migrations"),
        *("experiments", "experiment_epochs", "judges", "datasets", "dataset_versions", "check_runs"),
        "context_studies",
        *("grounding_rules", "grounding_keys", "rollout_keys"),
        *("drift_keys", "drift_runs", "drift_alarms"),
        *("drift_hours", "drift_served", "feedback_deliveries"),
    }
)
"""Tables that hold nothing of what callers say or who they are."""

ELSEWHERE: Final[dict[str, str]] = {
    "journal segments": "each host keeps what it has shipped for 24 hours, in its data folder",
    "backups": "hold what stood there when they were made; erase again after one is restored",
    "what was sent on": "collectors, webhooks and providers keep what they were sent by their own rules",
}
"""What holds copies outside of the database, and when these go."""
