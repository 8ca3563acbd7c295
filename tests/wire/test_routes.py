import pytest

from headgate.core.faults import InvalidRequest
from headgate.wire.routes import ROUTES, RouteRow, match


@pytest.mark.parametrize("row", ROUTES, ids=str)
def test_every_row_matches_its_own_paths(row: RouteRow):
    for prefix in row.prefixes:
        route = match(row.method, prefix + row.path.replace("{model}", "some-model"))
        assert route is not None
        assert (route.dialect, route.operation, route.path) == (row.dialect, row.operation, row.path)
        assert route.model == ("some-model" if "{model}" in row.path else None)
        assert match("PUT", prefix + row.path.replace("{model}", "m")) is None


def test_models_in_paths_keep_their_slashes():
    listed = match("GET", "/v1/models/meta-llama/Llama-3%3A8b")
    assert listed is not None
    assert listed.model == "meta-llama/Llama-3:8b"
    google = match("POST", "/google/v1beta/models/gemini%2Fgemini-3-flash:streamGenerateContent")
    assert google is not None
    assert (google.model, google.stream) == ("gemini/gemini-3-flash", True)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/chat/completions/",
        "/v1/chat",
        "/api/v1/keys",
        "/v1/models/",
        "/v1beta/models/x:deleteModel",
        "/v1beta/models/:generateContent",
        "/anthropic/v1/chat/completions",
    ],
)
def test_other_paths_are_no_model_routes(path: str):
    assert match("POST", path) is None


@pytest.mark.parametrize("model", ["x" * 600, "a%0d%0ab", "a%00b"])
def test_models_that_could_break_a_request_line_are_refused(model: str):
    with pytest.raises(InvalidRequest) as refused:
        match("GET", f"/v1/models/{model}")
    assert refused.value.parameter == "model"
