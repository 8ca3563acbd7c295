"""The control API: mounts each slice's routes behind one gate, and describes them.

Never trusts a forwarded header. Read next: `access.gate`, `api.errors`, each `http.py`.
"""

from typing import Any, Final

import msgspec
from litestar import Litestar, Router
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, Schema, SecurityScheme
from litestar.plugins import OpenAPISchemaPluginProtocol
from litestar.types import Message, Scope
from litestar.typing import FieldDefinition

from headgate.access.changes import Changes
from headgate.access.gate import PUBLIC, Gate, provide_caller
from headgate.access.http import AuditController, KeysController, list_roles, who_am_i
from headgate.access.playground_http import show_player
from headgate.access.sign_in import SignIns
from headgate.access.sign_in_http import sign_in, sign_out
from headgate.api.alerts_http import AlertsController, WebhooksController
from headgate.api.body import StrictRequest
from headgate.api.compressing import compress_answers
from headgate.api.console_http import console_asset, console_file, console_index, console_page
from headgate.api.description import DescriptionPlugin
from headgate.api.errors import EXCEPTION_HANDLERS, request_id_of
from headgate.api.health_http import healthz, metrics, readyz, status
from headgate.api.jobs import ControlJobs
from headgate.api.services import ControlServices
from headgate.api.state import ControlState
from headgate.api.timeline_http import TimelineController
from headgate.checks.http import ChecksController
from headgate.config.file_http import list_projects, show_file
from headgate.config.http import ConfigController, SnapshotsController, list_models, list_providers
from headgate.config.price_book import PriceBook
from headgate.datasets.http import DatasetsController
from headgate.datasets.traces_http import add_spans
from headgate.drift.http import AlarmsController, CanariesController, list_outdated, list_withdrawn
from headgate.drift.traffic_http import TrafficController, TrafficListController
from headgate.experiments.http import ExperimentsController
from headgate.experiments.planning_http import plan_experiment
from headgate.grounding.http import show_grounding
from headgate.grounding.rules_http import list_grounding_rules
from headgate.grounding.studies_http import StudiesController
from headgate.judges.http import JudgesController
from headgate.judges.judgements_http import JudgementsController
from headgate.judges.reviews_http import ReviewsController
from headgate.judges.runs_http import RunsComparedController
from headgate.meters.http import BudgetsController, InlineMeters
from headgate.meters.lease_http import LeasesController
from headgate.meters.rate_http import RateLimitsController
from headgate.prompts.catalogue.http import (
    CatalogueController,
    PromptListController,
    PromptsController,
    UnknownPromptsController,
)
from headgate.prompts.managed.http import ManagedPrompts, ManagedPromptsController
from headgate.prompts.outcomes.http import OutcomesController
from headgate.prompts.provenance.http import show_provenance
from headgate.records.facets_http import RequestFacetsController
from headgate.records.following import Followers
from headgate.records.forecast.http import list_forecasts
from headgate.records.http import (
    CostsController,
    CountController,
    FollowController,
    RequestListController,
    show_request,
)
from headgate.records.series_http import SeriesController
from headgate.records.similar_http import show_similar
from headgate.records.views_http import ViewListController, ViewsController
from headgate.releases.comparison_http import ComparisonController
from headgate.releases.http import EnvironmentsController, ReleasesController
from headgate.releases.rule_trial_http import RuleTestController
from headgate.releases.rules_http import RulesController
from headgate.releases.status_http import show_environment_status
from headgate.releases.whatif_http import follow_what_if, what_if
from headgate.rollouts.http import RolloutsController
from headgate.traces.erasure.http import ErasuresController
from headgate.traces.exporting.http import Exports, TraceExportController, export_trace
from headgate.traces.lineage.http import show_lineage
from headgate.traces.lineage.reading import Tracing
from headgate.traces.lineage.retrieved import RetrievedDocuments
from headgate.traces.metrics.http import MetricsController, MetricSeriesController
from headgate.traces.otlp.http import OtlpController
from headgate.traces.otlp.receiving import Reception
from headgate.traces.reading.routes import TRACE_ROUTES
from headgate.traces.scores.http import FeedbackController, FeedbackListController, list_names_in_use
from headgate.traces.scores.langfuse_http import LANGFUSE_ROUTES
from headgate.traces.systems.http import take_outcomes

PREFIX: Final = "/api/v1"

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class RawSchema(OpenAPISchemaPluginProtocol):
    """Describes JSON that is passed on as it is."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Say whether this is `msgspec.Raw`."""
        return value is msgspec.Raw

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Return the schema of any JSON value."""
        del field_definition, schema_creator
        return Schema(description="any JSON value")


def create_control_app(services: ControlServices) -> Litestar:
    """Build the control API. Its lifespan runs the background jobs, so serve it with lifespan on."""
    state = ControlState(services.database, services.clock, services.environment, services.target_health)
    sign_ins = SignIns(services.vault, state.book, services.clock)
    gate = Gate(state.book, services.clock, state.allowed_hosts, sign_ins=sign_ins)
    jobs = ControlJobs(services, state)
    return Litestar(
        route_handlers=[_api(), _without_key(), *_for_exporters(), healthz, readyz, metrics, *_console()],
        guards=[gate.check],
        request_class=StrictRequest,
        dependencies=_dependencies(services, state, gate, sign_ins),
        exception_handlers=EXCEPTION_HANDLERS,
        middleware=[compress_answers],
        before_send=[_finish_headers],
        lifespan=[jobs.running],
        openapi_config=_description(services.version),
        plugins=[RawSchema()],
        request_max_body_size=services.body_bytes_max,
        logging_config=None,
        debug=False,
    )


def _for_exporters() -> tuple[Any, ...]:
    """What applications send by protocols of others."""
    return (OtlpController, *LANGFUSE_ROUTES)


def _api() -> Router:
    return Router(
        PREFIX,
        route_handlers=[
            KeysController,
            AuditController,
            who_am_i,
            show_player,
            list_roles,
            list_projects,
            show_file,
            BudgetsController,
            RateLimitsController,
            LeasesController,
            RequestListController,
            FollowController,
            CountController,
            ViewListController,
            ViewsController,
            RequestFacetsController,
            show_request,
            show_similar,
            show_provenance,
            show_lineage,
            *TRACE_ROUTES,
            TraceExportController,
            export_trace,
            CostsController,
            SeriesController,
            list_forecasts,
            TimelineController,
            AlertsController,
            WebhooksController,
            ConfigController,
            SnapshotsController,
            list_providers,
            list_models,
            ComparisonController,
            PromptListController,
            UnknownPromptsController,
            OutcomesController,
            PromptsController,
            ManagedPromptsController,
            CatalogueController,
            ReleasesController,
            EnvironmentsController,
            show_environment_status,
            what_if,
            follow_what_if,
            RulesController,
            RuleTestController,
            FeedbackListController,
            FeedbackController,
            list_names_in_use,
            ErasuresController,
            *_evaluation(),
            MetricsController,
            MetricSeriesController,
            status,
        ],
        response_headers={"cache-control": "no-store"},
        security=[{"key": []}],
    )


def _evaluation() -> tuple[Any, ...]:
    """What says whether it works."""
    return (
        show_grounding,
        list_grounding_rules,
        StudiesController,
        ExperimentsController,
        plan_experiment,
        RolloutsController,
        DatasetsController,
        add_spans,
        ChecksController,
        JudgesController,
        JudgementsController,
        RunsComparedController,
        ReviewsController,
        AlarmsController,
        CanariesController,
        TrafficListController,
        TrafficController,
        list_outdated,
        list_withdrawn,
    )


def _without_key() -> Router:
    return Router(
        PREFIX,
        route_handlers=[sign_in, sign_out, take_outcomes],
        response_headers={"cache-control": "no-store"},
    )


def _console() -> list[HTTPRouteHandler]:
    return [console_index, console_asset, console_file, console_page]


def _dependencies(
    services: ControlServices, state: ControlState, gate: Gate, sign_ins: SignIns
) -> dict[str, Provide]:
    changes = Changes(services.database, state.refresh, wait_s=services.acknowledge_wait_s)
    parts: dict[str, Any] = {
        "database": services.database,
        "clock": services.clock,
        "changes": changes,
        "meters": InlineMeters(state),
        "in_force": state,
        "configuration": state,
        "known": state,
        "services": services,
        "gate": gate,
        "following": Followers(),
        "price_book": PriceBook(),
        "exporting": Exports(),
        "tracing": Tracing(),
        "retrieval": RetrievedDocuments(),
        "other_prompts": ManagedPrompts(),
        "vault": services.vault,
        "sign_ins": sign_ins,
        "served_by_tls": services.served_by_tls,
        "started_with": services.configuration_file,
        "reception": Reception(services.journal, state.project_named),
    }
    provided = {name: Provide(_giving(part), sync_to_thread=False) for name, part in parts.items()}
    return {**provided, "caller": Provide(provide_caller, sync_to_thread=False)}


def _giving(part: Any) -> Any:
    def give() -> Any:
        return part

    return give


def _description(version: str) -> OpenAPIConfig:
    scheme = SecurityScheme(type="http", scheme="bearer", description="an admin or role key")
    return OpenAPIConfig(
        title="Headgate control API",
        version=version,
        description="Keys, budgets, rate limits, records, costs, alerts and configuration.",
        components=Components(security_schemes={"key": scheme}),
        use_handler_docstrings=True,
        render_plugins=[DescriptionPlugin()],
        openapi_router=Router("/api", route_handlers=[], opt={"grant": PUBLIC}, include_in_schema=False),
    )


async def _finish_headers(message: Message, scope: Scope) -> None:
    """Give every answer its request id, and what keeps a browser from misusing it."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    headers["x-headgate-request-id"] = request_id_of(scope)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
