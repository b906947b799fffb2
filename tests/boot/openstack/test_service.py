"""Tokens, repetition, errors and the trace, as one HTTP server sees them."""

from __future__ import annotations

import pytest

from engine.boot.messages import Caller
from engine.boot.openstack import (
    CallTrace,
    CloudBadRequest,
    CloudError,
    CloudNotFound,
    CloudUnreachable,
)
from engine.boot.openstack.service import path_of, query_of
from tests.boot.openstack.stage import USER, run, stage

PORT = {"port": {"id": "p1"}}


def test_reads_are_repeated_while_a_service_is_away() -> None:
    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 503, {"message": "later"}, times=2)
        play.answer("GET", "/v2.0/ports/p1", 200, PORT)
        trace = CallTrace()
        port = run(lambda clouds: clouds.networks.get_port(USER, "p1", trace=trace), play.options())
    assert port == {"id": "p1"}
    assert [call.status for call in trace.of("network")] == [503, 503, 200]


@pytest.mark.parametrize(("status", "requests"), [(503, 3), (500, 1), (502, 1), (504, 1)])
def test_a_post_is_repeated_only_when_nothing_was_begun(status: int, requests: int) -> None:
    with stage() as play:
        play.answer("POST", "/v2.0/ports", status, {"NeutronError": {"type": "X", "message": "oh", "detail": ""}})
        with pytest.raises(CloudUnreachable, match="oh"):
            run(lambda clouds: clouds.networks.create_port(USER, {}), play.options(), attempts=3)
        assert len(play.requests) == requests


def test_no_service_is_told_in_words_within_seconds(nowhere: str) -> None:
    with stage() as play:
        options = play.options(endpoints={"network": f"http://{nowhere}"})
        with pytest.raises(CloudUnreachable, match="network service cannot be reached: ") as caught:
            run(lambda clouds: clouds.networks.create_port(USER, {}), options, attempts=3)
    assert caught.value.status == 0
    assert caught.value.reason == "SERVICE_UNAVAILABLE"


def test_the_time_a_token_check_took_is_kept_beside_the_call() -> None:
    trace = CallTrace()
    with stage() as play:
        headers = {"Server-Timing": 'keystone;dur=1.25;desc="validated"'}
        play.answer("GET", "/v2.0/ports/p1", 200, PORT, headers=headers)
        run(lambda clouds: clouds.networks.get_port(USER, "p1", trace=trace), play.options())
    told = trace.token_check("network")
    assert told is not None
    call, check = told
    assert (check.duration_us, check.how) == (1250, "validated")
    assert call.started_us <= call.finished_us
    assert call.url.endswith("/v2.0/ports/p1")
    assert trace.token_check("image") is None


def test_a_redirection_takes_the_tokens_nowhere() -> None:
    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 302, None, headers={"Location": f"{play.url}/elsewhere"})
        with pytest.raises(CloudError):
            run(lambda clouds: clouds.networks.get_port(USER, "p1"), play.options())
        assert [seen.path for seen in play.requests] == ["/v2.0/ports/p1"]


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b'{"port": []}', b"[]", b'{"port": null}', b"\xff\xfe", b"[" * 100_000, b"7"]
)
def test_an_answer_that_is_not_the_services_is_an_error(body: bytes) -> None:
    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 200, body)
        with pytest.raises(CloudError):
            run(lambda clouds: clouds.networks.get_port(USER, "p1"), play.options())


def test_a_services_silence_ends_by_the_timeout() -> None:
    with stage() as play:
        play.answer("GET", "/v2.0/ports/p1", 200, PORT, delay_s=3.0)
        with pytest.raises(CloudUnreachable):
            run(lambda clouds: clouds.networks.get_port(USER, "p1"), play.options(), timeout_s=0.3, attempts=2)


def test_pages_are_followed_to_the_end_and_no_further() -> None:
    with stage() as play:

        def link(marker: str) -> list[dict[str, str]]:
            return [{"rel": "next", "href": f"http://other.example/v2.0/ports?marker={marker}"}]

        play.answer("GET", "/v2.0/ports?device_id=d", 200, {"ports": [{"id": "1"}], "ports_links": link("1")})
        play.answer("GET", "/v2.0/ports?marker=1", 200, {"ports": [{"id": "2"}], "ports_links": link("2")})
        play.answer("GET", "/v2.0/ports?marker=2", 200, {"ports": [{"id": "3"}], "ports_links": link("2")})
        ports = run(lambda clouds: clouds.networks.list_ports(None, device_id="d"), play.options())
    assert [port["id"] for port in ports] == ["1", "2", "3"]


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 256])
def test_what_can_be_no_id_is_not_asked_for(name: str) -> None:
    with stage() as play:
        with pytest.raises(CloudNotFound):
            run(lambda clouds: clouds.networks.get_port(USER, name), play.options())
        assert not play.requests


def test_an_id_cannot_change_the_path() -> None:
    assert path_of("ports", "../networks?x=#é", service="network") == "/ports/..%2Fnetworks%3Fx%3D%23%C3%A9"


def test_filters_become_a_query() -> None:
    assert query_of({"a": None, "b": True, "c": ["1", "2"], "d": {"k": "v"}, "e": 5, "f": "x&y"}) == (
        "?b=True&c=1&c=2&d=%7B%27k%27%3A+%27v%27%7D&e=5&f=x%26y"
    )
    assert query_of({}) == ""


def test_a_bad_header_value_in_the_callers_token_is_an_error_not_an_injection() -> None:
    who = Caller(token="a\r\nX-Evil: 1", user_id="u", project_id="p")
    with stage() as play:
        with pytest.raises(CloudError) as caught:
            run(lambda clouds: clouds.networks.get_port(who, "p1"), play.options())
        assert not play.requests
        assert "Evil" not in caught.value.message


def test_errors_say_which_request_of_which_service_failed() -> None:
    with stage() as play:
        headers = {"X-Openstack-Request-Id": "req-9"}
        play.answer("GET", "/v2.0/ports/p1", 400, {"NeutronError": {"type": "T", "message": "m"}}, headers=headers)
        with pytest.raises(CloudBadRequest) as caught:
            run(lambda clouds: clouds.networks.get_port(USER, "p1"), play.options())
    error = caught.value
    assert (error.service, error.status, error.kind, error.message, error.request_id, error.as_user) == (
        "network",
        400,
        "T",
        "m",
        "req-9",
        True,
    )
