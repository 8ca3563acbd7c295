import pytest

from headgate.core.faults import InvalidRequest
from headgate.wire.routes import ROUTES, RouteRow, match


@pytest.mark.parametrize("row", ROUTES, ids=str)
def test_every_row_matches_its_own_paths(row: RouteRow):
    for path in row.paths:
        route = match(row.method, path.replace("{model}", "some-model"))
        assert route is not None
        assert (route.dialect, route.operation, route.path) == (row.dialect, row.operation, row.path)
        assert route.model == ("some-model" if "{model}" in row.path else None)
        assert match("PUT", path.replace("{model}", "m")) is None


def test_models_in_paths_keep_their_slashes():
    listed = match("GET", "/v1/models/meta-llama/Llama-3%3A8b")
    assert listed is not None
    assert listed.model == "meta-llama/Llama-3:8b"
    google = match("POST", "/google/v1beta/models/gemini%2Fgemini-3-flash:streamGenerateContent")
    assert google is not None
    assert (google.model, google.stream) == ("gemini/gemini-3-flash", True)


def test_both_versions_of_google_s_verbs_mean_the_same_but_a_plain_listing_is_openai_s():
    for verb in (
        "generateContent",
        "streamGenerateContent",
        "embedContent",
        "batchEmbedContents",
        "countTokens",
    ):
        newer = match("POST", f"/v1/models/gemini-3:{verb}")
        assert newer is not None and newer == match("POST", f"/google/v1beta/models/gemini-3:{verb}")
    listed = [match("GET", path) for path in ("/v1/models", "/v1/models/x", "/google/v1/models")]
    assert [one.dialect for one in listed if one is not None] == ["openai", "openai", "google"]


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
