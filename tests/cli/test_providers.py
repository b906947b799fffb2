from __future__ import annotations

import json

import pytest

from engine.cli.exit_codes import ExitCode

UUID = "33333333-0000-4000-8000-000000000009"
RACK = "44444444-0000-4000-8000-000000000009"
POOL = {"uuid": UUID, "name": "pool", "inventories": {"DISK_GB": {"total": 500}}, "aggregate_uuids": [RACK]}


@pytest.fixture
def load(at, tmp_path):
    """Writes a document to a file and imports it."""

    def call(document, *options):
        file = tmp_path / "providers.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return at("providers", "import", file, *options)

    yield call
    known = [item["uuid"] for item in at("providers", "list", "--json").document["providers"]]
    if known:
        assert at("providers", "delete", *known).code == ExitCode.DONE


def test_providers_are_loaded_listed_and_removed(at, load, tmp_path):
    answer = load([POOL])
    assert (answer.code, "1 providers set" in answer.out) == (ExitCode.DONE, True)
    listed = at("providers", "list").out
    assert all(word in listed for word in ("pool", UUID, "DISK_GB", "500", "MISC_SHARES_VIA_AGGREGATE"))
    document = at("providers", "list", "--json").document
    # what is listed can be loaded again
    assert load(document, "--json").code == ExitCode.DONE
    assert at("providers", "list", "--json").document["providers"] == document["providers"]
    assert "1 providers removed" in at("providers", "delete", UUID).out
    assert at("providers", "delete", UUID).code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    "document",
    [
        "no JSON",
        "{",
        "[" * 100_000,
        '"text"',
        "{}",
        '{"providers": 5}',
        "[5]",
        '[{"uuid": 5}]',
        '[{"name": "pool", "colour": "red"}]',
        '[{"inventories": {"DISK_GB": {"total": "many"}}}]',
        '[{"inventories": {"DISK_GB": {"total": 99999999999999999999}}}]',
    ],
)
def test_a_file_that_is_none_is_invalid(load, document):
    answer = load(document)
    assert answer.code == ExitCode.INVALID
    assert "Traceback" not in answer.err


def test_providers_that_cannot_be_are_invalid(load):
    for wrong in ({"uuid": "x"}, {"inventories": {"disk": {"total": 1}}}, {"parent_uuid": RACK}):
        assert load([POOL | wrong]).code == ExitCode.INVALID


def test_a_file_that_is_not_there_is_named(at, tmp_path):
    answer = at("providers", "import", tmp_path / "absent.json")
    assert answer.code == ExitCode.INVALID
    assert "absent.json" in answer.err
