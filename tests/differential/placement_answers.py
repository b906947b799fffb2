"""What the real placement answers: a program for an interpreter that has openstack-placement 16 and nothing of Berth.

It reads one case a line from stdin, ``{"providers": [...], "queries": [...]}`` in the form of the oracle's placement
cases plus ``traits`` and ``resource_classes`` (the custom names that exist), and writes one line with the answers.
placement's own WSGI application runs in this process, on a database in memory that each case finds empty.
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
import warnings
from typing import Any
from urllib.parse import urlencode

import webob
from oslo_config import cfg
from placement import conf as placement_conf
from placement import db_api, deploy
from placement.db.sqlalchemy import migration, models

_LATEST = "1.39"
_KEPT = {"traits", "resource_classes", "alembic_version"}


def main() -> None:
    """Answer cases until stdin ends."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    application = _application()
    for line in sys.stdin:
        case = json.loads(line)
        _empty_tables()
        _set_up(application, case)
        answers = [_answer(application, query) for query in case["queries"]]
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


def _application() -> Any:
    config = cfg.ConfigOpts()
    placement_conf.register_opts(config)
    config.set_override("connection", "sqlite://", group="placement_database")
    config.set_override("auth_strategy", "noauth2", group="api")
    config([], default_config_files=[], default_config_dirs=[])
    db_api.configure(config)
    migration.create_schema(db_api.placement_context_manager.writer.get_engine())
    return deploy.loadapp(config)


@db_api.placement_context_manager.writer
def _delete_rows(context: Any) -> None:
    for table in reversed(models.BASE.metadata.sorted_tables):
        if table.name not in _KEPT:
            context.session.execute(table.delete())


def _empty_tables() -> None:
    _delete_rows(db_api.DbContext())


def _set_up(application: Any, case: dict[str, Any]) -> None:
    """Make the providers; usage is taken from ample inventory first, since it may exceed what there is in the end."""
    for name in case["traits"]:
        _demand(application, "PUT", f"/traits/{name}")
    for name in case["resource_classes"]:
        _demand(application, "PUT", f"/resource_classes/{name}")
    for provider in case["providers"]:
        path = f"/resource_providers/{provider['uuid']}"
        body = {"uuid": provider["uuid"], "name": provider["name"], "parent_provider_uuid": provider["parent"]}
        _demand(application, "POST", "/resource_providers", body)
        used = {name: amount for name, amount in provider["used"].items() if amount}
        if used:
            _put(application, path, "inventories", {name: {"total": amount} for name, amount in used.items()})
            _demand(application, "PUT", f"/allocations/{uuid.uuid4()}", _consumer(provider["uuid"], used))
        for what in ("inventories", "traits", "aggregates"):
            _put(application, path, what, provider[what])


def _put(application: Any, path: str, what: str, content: Any) -> None:
    generation = _ask(application, "GET", path, None, _LATEST).json["generation"]
    body = {what: content, "resource_provider_generation": generation}
    _demand(application, "PUT", f"{path}/{what}", body)


def _consumer(provider: str, used: dict[str, int]) -> dict[str, Any]:
    return {
        "allocations": {provider: {"resources": used}},
        "project_id": "p",
        "user_id": "u",
        "consumer_generation": None,
        "consumer_type": "INSTANCE",
    }


def _answer(application: Any, query: dict[str, Any]) -> dict[str, Any]:
    if "put_allocations" in query:
        path = f"/allocations/{query['consumer']}"
        response = _ask(application, "PUT", path, query["put_allocations"], query["microversion"])
        answer: dict[str, Any] = {"status": response.status_int}
        if response.status_int == 409:
            answer["code"] = response.json["errors"][0]["code"]
        return answer
    path = "/allocation_candidates?" + urlencode([tuple(pair) for pair in query["params"]])
    response = _ask(application, "GET", path, None, query["microversion"])
    if response.status_int != 200:
        return {"status": response.status_int}
    requests = [
        {
            "allocations": {name: item["resources"] for name, item in request["allocations"].items()},
            "mappings": {suffix: sorted(uuids) for suffix, uuids in request.get("mappings", {}).items()},
        }
        for request in response.json["allocation_requests"]
    ]
    return {
        "status": 200,
        "allocation_requests": requests,
        "provider_summaries": response.json["provider_summaries"],
    }


def _demand(application: Any, method: str, path: str, body: dict[str, Any] | None = None) -> None:
    """Ask for what must succeed."""
    response = _ask(application, method, path, body, _LATEST)
    if response.status_int >= 300:
        raise RuntimeError(f"{method} {path} {body}: {response.status} {response.text}")


def _ask(application: Any, method: str, path: str, body: dict[str, Any] | None, microversion: str) -> Any:
    headers = {"x-auth-token": "admin", "openstack-api-version": f"placement {microversion}"}
    request = webob.Request.blank(path, method=method, headers=headers)
    if body is not None:
        request.body = json.dumps(body).encode()
        request.content_type = "application/json"
    return request.get_response(application)


if __name__ == "__main__":
    main()
