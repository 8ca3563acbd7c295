"""The checks of `headgate doctor`, as data: what each looks at, the fault it prevents, and what to do.

A check is here because somebody's gateway failed that way; `why` names the thread. Add the next at the end.
"""

from typing import NamedTuple

from headgate.cli import judgements as judge


class Check(NamedTuple):
    """One check. `why` cites the fault that it prevents; `fix` says what to do when it isn't ok."""

    id: str
    what: str
    why: str
    fix: str
    judge: judge.Judge


CHECKS = (
    Check(
        "server-answers",
        "a server answers at the address",
        "LiteLLM issue 26886: a watchdog took a healthy engine for dead, and killed it",
        "start it with `headgate up`, or correct HEADGATE_URL",
        judge.answers,
    ),
    Check(
        "ready",
        "database, snapshot and secrets are in order",
        "LiteLLM pull request 35273: an unreachable store hung every request, and no breaker could open",
        "read what /readyz names, then the log of `headgate up`",
        judge.ready,
    ),
    Check(
        "secrets-decrypt",
        "provider keys can be read",
        "OrcaRouter-Lite issue 137: the dashboard was green while no key decrypted",
        "set the variables that headgate.toml names with env:, or restore the data folder's key",
        judge.secrets_decrypt,
    ),
    Check(
        "admin-key-private",
        "only its owner reads admin.key",
        "LiteLLM issue 12448: salt and master key stood where others could read them",
        "chmod 600 the file, and make a new admin key",
        judge.admin_key_private,
    ),
    Check(
        "no-literal-keys",
        "headgate.toml holds no secret",
        "LiteLLM issue 906: provider keys from the configuration came out in the log",
        "write env:NAME or file:PATH, and rotate the key that stood there",
        judge.no_literal_keys,
    ),
    Check(
        "encrypted",
        "keys cross the network encrypted",
        "LiteLLM incident of 2026-03-18: raw Authorization headers were kept where they passed",
        "serve with --tls-cert and --tls-key, or behind a proxy that ends TLS",
        judge.encrypted,
    ),
    Check(
        "budget-exists",
        "something limits spend",
        "LiteLLM issue 23714: a key's budget was ignored, and nothing stood behind it",
        "headgate budgets set NAME --limit '100 USD' --window month",
        judge.budget_exists,
    ),
    Check(
        "budget-for-all",
        "an unknown user is under a budget",
        "LiteLLM issue 40095: the first concurrent calls of an unknown user skipped the default budget",
        "headgate budgets set everyone --limit '10 USD' --window day --scope 'user=*'",
        judge.budget_for_all,
    ),
    Check(
        "budgets-have-room",
        "no budget is nearly spent",
        "LiteLLM issue 36926: users met an exhausted budget before anybody who runs it knew",
        "raise the limit, or wait for the window's end",
        judge.budgets_have_room,
    ),
    Check(
        "outage-denies",
        "budgets hold while their store is away",
        "LiteLLM issue 32232: without its store each process fell back to limits of its own, in silence",
        'set on_outage = "deny" on the budget',
        judge.outage_denies,
    ),
    Check(
        "no-overrun",
        "no call cost more than was reserved",
        "Envoy AI Gateway issue 2248: a cost-based limit charged less than what was used",
        "look at the calls of that budget; give their model a price and an output limit",
        judge.no_overrun,
    ),
    Check(
        "reservations-move",
        "reservations don't hold budgets back",
        "LiteLLM issue 27639: phantom holds answered 429 while money was left",
        "lower max_tokens or set default_max_output, so that bounds come closer to costs",
        judge.reservations_move,
    ),
    Check(
        "prices-known",
        "every target has a price",
        "Onyx pull request 14947: an unknown model was counted as free, in silence",
        'add [prices."provider/model"] to headgate.toml',
        judge.prices_known,
    ),
    Check(
        "fallback-exists",
        "every alias has two providers",
        "LiteLLM issue 40404: a stream that was cut or stalled had nowhere to go",
        "add a target of another provider to [models.NAME]",
        judge.fallback_exists,
    ),
    Check(
        "regions-stated",
        "every provider says where it processes",
        "Dust pull request 28400: a mis-tagged region fell back to the old router, in silence",
        "add regions = [...] to [providers.NAME]; unknown is nowhere",
        judge.regions_stated,
    ),
    Check(
        "breakers-closed",
        "no provider is left out",
        "LiteLLM issue 40761: models were evicted after failures, and not restored",
        "look at `headgate requests --target NAME`, and at the provider's status page",
        judge.breakers_closed,
    ),
    Check(
        "keys-expire",
        "keys end by themselves",
        "LiteLLM issue 34217: keys of a deleted team went on working",
        "make keys with --expires-at, and revoke the old ones",
        judge.keys_expire,
    ),
    Check(
        "keys-assert-little",
        "few keys may name their user",
        "LiteLLM issue 11083: a header named another user, and that user's budget was not counted",
        "take may_assert from keys whose holders you don't trust with it",
        judge.keys_assert_little,
    ),
    Check(
        "journal-ships",
        "records reach the database",
        "LiteLLM issue 38157: records that waited in memory were lost at shutdown",
        "see that the shipper runs and that the database takes writes",
        judge.journal_ships,
    ),
    Check(
        "disk-has-room",
        "the data folder's disk has room",
        "LiteLLM issue 21908: the log table grew until its clean-up was killed for want of memory",
        "lower [projects.NAME] retention, or give the disk more room",
        judge.disk_has_room,
    ),
    Check(
        "failover-keeps",
        "a failover forgets nothing",
        "PostgreSQL manual, 26.2.8: with asynchronous replication a standby may lack what was committed",
        "set synchronous_standby_names on the database, with fsync and synchronous_commit on",
        judge.survives_failover,
    ),
    Check(
        "exporters-deliver",
        "collectors take what they are sent",
        "Envoy issue 47489: a collector that took nothing looked like a healthy one, in counters and log",
        "correct endpoint and headers of [[exporters]], or look at the collector's own log",
        judge.exporters_deliver,
    ),
)
