"""Drives a running server with the published Python client of incident.io's API.

usage: incident_io_test.py URL KEY

What is sent must come back equal, lists must go on over two pages, and refusals must parse. The client is strict:
it reads every reply into typed models and raises where one does not fit. Needs `incident-io` 2.29.
"""

import sys
import time
import uuid
from http import HTTPStatus

import httpx
from incident_io import AuthenticatedClient, models
from incident_io.api.alert_attributes_v2 import (
    alert_attributes_v2_create,
    alert_attributes_v2_destroy,
    alert_attributes_v2_list,
    alert_attributes_v2_show,
    alert_attributes_v2_update,
)
from incident_io.api.alert_events_v2 import alert_events_v2_create_http
from incident_io.api.alert_routes_v2 import (
    alert_routes_v2_create,
    alert_routes_v2_delete,
    alert_routes_v2_list,
    alert_routes_v2_show,
    alert_routes_v2_update,
)
from incident_io.api.alert_sources_v2 import (
    alert_sources_v2_create,
    alert_sources_v2_delete,
    alert_sources_v2_list,
    alert_sources_v2_show,
    alert_sources_v2_update,
    alert_sources_v2_validate,
)
from incident_io.api.alerts_v2 import alerts_v2_list, alerts_v2_resolve, alerts_v2_show
from incident_io.api.escalations_v2 import (
    escalations_v2_cancel_escalation,
    escalations_v2_create,
    escalations_v2_create_path,
    escalations_v2_destroy_path,
    escalations_v2_list,
    escalations_v2_list_paths,
    escalations_v2_respond_escalation,
    escalations_v2_show,
    escalations_v2_show_path,
    escalations_v2_update_path,
)
from incident_io.api.incident_roles_v1 import (
    incident_roles_v1_create,
    incident_roles_v1_delete,
    incident_roles_v1_list,
    incident_roles_v1_show,
    incident_roles_v1_update,
)
from incident_io.api.incident_roles_v2 import (
    incident_roles_v2_create,
    incident_roles_v2_delete,
    incident_roles_v2_list,
    incident_roles_v2_show,
    incident_roles_v2_update,
)
from incident_io.api.incident_statuses_v1 import (
    incident_statuses_v1_create,
    incident_statuses_v1_delete,
    incident_statuses_v1_list,
    incident_statuses_v1_show,
    incident_statuses_v1_update,
)
from incident_io.api.incident_timestamps_v2 import incident_timestamps_v2_list, incident_timestamps_v2_show
from incident_io.api.incident_types_v1 import incident_types_v1_list, incident_types_v1_show
from incident_io.api.incident_updates_v2 import incident_updates_v2_create, incident_updates_v2_list
from incident_io.api.incidents_v2 import (
    incidents_v2_create,
    incidents_v2_edit,
    incidents_v2_list,
    incidents_v2_show,
)
from incident_io.api.severities_v1 import (
    severities_v1_create,
    severities_v1_delete,
    severities_v1_list,
    severities_v1_show,
    severities_v1_update,
)
from incident_io.api.users_v2 import (
    users_v2_list,
    users_v2_list_notification_methods,
    users_v2_list_notification_rules,
    users_v2_show,
)
from incident_io.api.utilities_v1 import utilities_v1_identity

URL, KEY = sys.argv[1:3]
CLIENT = AuthenticatedClient(base_url=URL, token=KEY)
NOTHING = "01FCNDV6P870EA6S7TK1DSYDG0"
RUN = uuid.uuid4().hex[:8]
DRIVEN = []


def call(operation, *args, expect=200, **kwargs):
    """Calls an operation; returns what the client made of the reply."""
    reply = operation.sync_detailed(*args, client=CLIENT, **kwargs)
    name = operation.__name__.rsplit(".", 1)[1]
    assert reply.status_code == expect, f"{name}: {reply.status_code} {reply.content!r}"
    if expect >= 400:
        assert isinstance(reply.parsed, models.ErrorResponse), f"{name}: {reply.parsed!r}"
        assert reply.parsed.status == expect and reply.parsed.request_id and reply.parsed.errors, name
    DRIVEN.append(f"{name} {expect}")
    return reply.parsed


def within(sent, shown, path=""):
    """Holds that everything that was sent is in what is shown; operations and subjects gain labels."""
    if isinstance(sent, dict):
        for name, value in sent.items():
            if value is None:
                continue
            assert isinstance(shown, dict) and name in shown, f"{path}.{name} is missing: {shown}"
            within(value, shown[name], f"{path}.{name}")
    elif isinstance(sent, list):
        assert isinstance(shown, list) and len(sent) == len(shown), f"{path}: {sent} {shown}"
        for n, (one, other) in enumerate(zip(sent, shown)):
            within(one, other, f"{path}[{n}]")
    elif isinstance(shown, dict):
        assert sent in shown.values(), f"{path}: {sent} is not in {shown}"
    else:
        assert sent == shown, f"{path}: {sent!r} is not {shown!r}"


def pages(operation, field, wanted, size=2, **filters):
    """Goes through a list over its pages, as long as it takes to meet all that is wanted."""
    met, after, count = [], None, 0
    while True:
        cursor = {"after": after} if after else {}
        page = call(operation, page_size=size, **cursor, **filters)
        items = getattr(page, field)
        assert len(items) <= size and page.pagination_meta.page_size == size
        met += items
        count += 1
        after = page.pagination_meta.after
        if not isinstance(after, str):
            break
    ids = [item.id for item in met]
    assert len(ids) == len(set(ids)), "an object came twice"
    assert set(wanted) <= set(ids), f"{set(wanted) - set(ids)} are missing"
    assert count >= 2, "the list had one page"
    return met


def raw(method, path, body):
    """Calls an operation that the client lacks, because it is a Firebell extension."""
    reply = httpx.request(method, URL + path, json=body, headers={"authorization": f"Bearer {KEY}"})
    assert reply.status_code in (200, 201, 202), f"{path}: {reply.status_code} {reply.text}"
    return reply.json()


def eventually(what, found):
    """Waits for what queues bring."""
    for _ in range(100):
        if result := found():
            return result
        time.sleep(0.1)
    raise AssertionError(f"{what} never came")


def identity():
    shown = call(utilities_v1_identity).identity
    assert shown.name and len(shown.roles) == len(models.IdentityV1RolesItem)


def people():
    made = []
    for n in range(3):
        body = {"name": f"Person {n}", "email": f"p{n}-{RUN}@example.com", "role": "responder"}
        made.append(raw("POST", "/v2/users", body)["user"])
    pages(users_v2_list, "users", [user["id"] for user in made])
    ada = made[0]
    found = call(users_v2_list, email=ada["email"]).users
    assert [user.id for user in found] == [ada["id"]]
    within(ada, call(users_v2_show, ada["id"]).user.to_dict())
    call(users_v2_show, NOTHING, expect=404)
    method = {"method_type": "email", "address": f"pager-{RUN}@example.com"}
    method = raw("POST", f"/v2/users/{ada['id']}/notification_methods", method)["notification_method"]
    rules = {
        "notification_rules": [
            {
                "rule_type": "high_urgency",
                "method_type": "email",
                "delay_seconds": 0,
                "method_target": {"type": "specific", "specific": {"id": method["id"]}},
            },
            {
                "rule_type": "low_urgency",
                "method_type": "email",
                "delay_seconds": 600,
                "method_target": {"type": "all", "all": {}},
            },
        ]
    }
    raw("PUT", f"/v2/users/{ada['id']}/notification_rules", rules)
    methods = call(users_v2_list_notification_methods, ada["id"])
    within(method, methods.to_dict()["notification_methods"][1])
    within(rules, call(users_v2_list_notification_rules, ada["id"]).to_dict())
    call(users_v2_list_notification_methods, NOTHING, expect=404)
    call(users_v2_list_notification_rules, NOTHING, expect=404)
    return [user["id"] for user in made]


def path_of(user, name):
    return {
        "name": name,
        "team_ids": ["01JPQA75EPNEES4479P16P4XAB"],
        "path": [
            {
                "id": f"level-{n}",
                "type": "level",
                "level": {
                    "ack_mode": "first",
                    "time_to_ack_seconds": 1800,
                    "round_robin_config": {"enabled": False},
                    "targets": [{"id": user, "type": "user", "urgency": urgency}],
                },
            }
            for n, urgency in enumerate(("high", "low"))
        ],
        "working_hours": [
            {
                "id": "office",
                "name": "Office",
                "timezone": "Europe/Berlin",
                "weekday_intervals": [{"weekday": "monday", "start_time": "09:00", "end_time": "17:00"}],
            }
        ],
    }


def paths(user):
    create, update = models.EscalationsCreatePathPayloadV2, models.EscalationsUpdatePathPayloadV2
    ids = []
    for n in range(3):
        sent = create.from_dict(path_of(user, f"Path {n} {RUN}"))
        made = call(escalations_v2_create_path, body=sent, expect=201).escalation_path
        within(sent.to_dict(), made.to_dict())
        ids.append(made.id)
    pages(escalations_v2_list_paths, "escalation_paths", ids)
    sent = update.from_dict(path_of(user, f"Renamed {RUN}"))
    within(sent.to_dict(), call(escalations_v2_update_path, ids[0], body=sent).escalation_path.to_dict())
    within(sent.to_dict(), call(escalations_v2_show_path, ids[0]).escalation_path.to_dict())
    call(escalations_v2_show_path, NOTHING, expect=404)
    wrong = path_of(user, "Wrong")
    wrong["path"][0]["level"]["ack_mode"] = "all"
    refused = call(escalations_v2_create_path, body=create.from_dict(wrong), expect=422)
    assert refused.errors[0].source.field == "path.0.level.ack_mode"
    call(escalations_v2_update_path, ids[0], body=update.from_dict(wrong), expect=422)
    call(escalations_v2_destroy_path, ids[2], expect=204)
    call(escalations_v2_destroy_path, ids[2], expect=404)
    return ids[0]


def source_of(name, kind=None):
    sent = {
        "name": name,
        "template": {
            "title": {"reference": "alert.title"},
            "description": {"literal": "Look at the runbook"},
            "attributes": [],
            "expressions": [],
            "is_private": False,
        },
        "owning_team_ids": ["01JPQA75EPNEES4479P16P4XAB"],
        "auto_resolve_timeout_minutes": 60,
        "auto_resolve_incident_alerts": False,
    }
    return sent | {"source_type": kind} if kind else sent


def sources():
    create, update = models.AlertSourcesCreatePayloadV2, models.AlertSourcesUpdatePayloadV2
    made = []
    for n, kind in enumerate(("http", "alertmanager", "http")):
        sent = create.from_dict(source_of(f"Source {n} {RUN}", kind))
        shown = call(alert_sources_v2_create, body=sent).alert_source
        within(sent.to_dict(), shown.to_dict())
        assert shown.alert_events_url.endswith(f"/v2/alert_events/{kind}/{shown.id}") and shown.secret_token
        made.append(shown)
    listed = call(alert_sources_v2_list).alert_sources
    assert {one.id for one in made} <= {one.id for one in listed}
    sent = update.from_dict(source_of(f"Renamed {RUN}") | {"disabled": False})
    within(sent.to_dict(), call(alert_sources_v2_update, made[0].id, body=sent).alert_source.to_dict())
    within(sent.to_dict(), call(alert_sources_v2_show, made[0].id).alert_source.to_dict())
    validate = models.AlertSourcesValidatePayloadV2
    sent = source_of("x", "http")
    call(alert_sources_v2_validate, body=validate.from_dict(sent), expect=204)
    sent["template"]["title"] = {"reference": "alert.nothing"}
    refused = call(alert_sources_v2_validate, body=validate.from_dict(sent), expect=422)
    assert refused.errors[0].source.field == "template.title.reference"
    call(alert_sources_v2_create, body=create.from_dict(source_of("x", "big_panda")), expect=422)
    call(alert_sources_v2_update, made[0].id, body=update.from_dict(source_of("")), expect=422)
    call(alert_sources_v2_show, NOTHING, expect=404)
    call(alert_sources_v2_delete, made[2].id, expect=204)
    call(alert_sources_v2_delete, made[2].id, expect=404)
    return made[0]


def route_of(name, source, path):
    condition = {
        "subject": "payload.metadata.team",
        "operation": "one_of",
        "param_bindings": [{"array_value": [{"literal": "platform"}, {"literal": "payments"}]}],
    }
    return {
        "name": name,
        "enabled": True,
        "is_private": False,
        "alert_sources": [{"alert_source_id": source, "condition_groups": [{"conditions": [condition]}]}],
        "channel_config": [
            {
                "condition_groups": [],
                "slack_targets": {
                    "channel_visibility": "public",
                    "binding": {"array_value": [{"literal": "C0123"}]},
                },
            }
        ],
        "condition_groups": [{"conditions": [condition]}],
        "expressions": [],
        "escalation_config": {
            "auto_cancel_escalations": True,
            "escalation_targets": [{"escalation_paths": {"array_value": [{"literal": path}]}}],
        },
        "incident_config": {
            "enabled": True,
            "auto_decline_enabled": False,
            "auto_relate_grouped_alerts": False,
            "condition_groups": [],
            "defer_time_seconds": 0,
            "grouping_keys": [],
            "grouping_window_seconds": 600,
        },
        "incident_template": {
            "name": {"binding": {"value": {"reference": "alert.title"}}},
            "summary": {"binding": {"value": {"literal": "See the runbook"}}},
            "custom_fields": [
                {
                    "custom_field_id": "01FCNDV6P870EA6S7TK1DSYDG0",
                    "merge_strategy": "first-wins",
                    "binding": {"value": {"literal": "x"}},
                }
            ],
        },
        "owning_team_ids": ["01JPQA75EPNEES4479P16P4XAB"],
    }


def routes(source, path):
    create, update = models.AlertRoutesCreatePayloadV2, models.AlertRoutesUpdatePayloadV2
    ids = []
    for n in range(3):
        sent = create.from_dict(route_of(f"Route {n} {RUN}", source, path))
        made = call(alert_routes_v2_create, body=sent, expect=201).alert_route
        within(sent.to_dict(), made.to_dict())
        ids.append(made.id)
    pages(alert_routes_v2_list, "alert_routes", ids)
    sent = update.from_dict(route_of(f"Renamed {RUN}", source, path) | {"version": 2})
    within(sent.to_dict(), call(alert_routes_v2_update, ids[0], body=sent).alert_route.to_dict())
    call(alert_routes_v2_update, ids[0], body=sent, expect=409)
    within(sent.to_dict(), call(alert_routes_v2_show, ids[0]).alert_route.to_dict())
    call(alert_routes_v2_show, NOTHING, expect=404)
    wrong = route_of("x", source, path)
    wrong["incident_config"]["defer_time_seconds"] = 60
    refused = call(alert_routes_v2_create, body=create.from_dict(wrong), expect=422)
    assert refused.errors[0].source.field == "incident_config.defer_time_seconds"
    for route in ids[1:]:
        call(alert_routes_v2_delete, route, expect=204)
    call(alert_routes_v2_delete, ids[2], expect=404)


def deliver(source, key, status="firing"):
    body = {
        "title": f"{key} is broken",
        "status": status,
        "deduplication_key": key,
        "description": "It was fine before",
        "source_url": "https://sender.example/x",
        "metadata": {"team": "platform"},
    }
    sender = AuthenticatedClient(base_url=URL, token=source.secret_token)
    reply = alert_events_v2_create_http.sync_detailed(
        source.id, client=sender, body=models.AlertEventsCreateHTTPPayloadV2.from_dict(body)
    )
    assert reply.status_code == HTTPStatus.ACCEPTED, reply.content
    assert reply.parsed.deduplication_key == key and reply.parsed.status == "success"
    DRIVEN.append("alert_events_v2_create_http 202")


def undelivered(source):
    """Checks the errors for a wrong secret and a wrong URL."""
    body = models.AlertEventsCreateHTTPPayloadV2.from_dict({"title": "Forged", "status": "firing"})
    for id, status in [(source.id, HTTPStatus.UNAUTHORIZED), (NOTHING, HTTPStatus.NOT_FOUND)]:
        sender = AuthenticatedClient(base_url=URL, token="not the secret")
        reply = alert_events_v2_create_http.sync_detailed(id, client=sender, body=body)
        assert reply.status_code == status, reply.content
        assert reply.parsed.status == status and reply.parsed.request_id, reply.parsed
        DRIVEN.append(f"alert_events_v2_create_http {status.value}")


def alerts(source):
    undelivered(source)
    keys = [f"{RUN}-{n}" for n in range(3)]
    for key in keys:
        deliver(source, key)
    by_source = models.AlertsV2ListAlertSource.from_dict({"one_of": [source.id]})

    def all_there():
        found = call(alerts_v2_list, page_size=50, alert_source=by_source).alerts
        return found if len(found) == 3 else None

    found = eventually("the alerts", all_there)
    assert [one.deduplication_key for one in found] == keys[::-1], "the newest is first"
    one = found[0]
    assert (one.title, one.description) == (f"{keys[2]} is broken", "Look at the runbook")
    assert one.source_url == "https://sender.example/x" and one.alert_source_id == source.id
    pages(alerts_v2_list, "alerts", [one.id for one in found], alert_source=by_source)
    key = models.AlertsV2ListDeduplicationKey.from_dict({"is": [keys[1]]})
    assert [one.id for one in call(alerts_v2_list, page_size=5, deduplication_key=key).alerts] == [found[1].id]
    within(one.to_dict(), call(alerts_v2_show, one.id).alert.to_dict())
    resolved = call(alerts_v2_resolve, found[2].id).alert
    assert resolved.status == "resolved" and resolved.resolved_at
    status = models.AlertsV2ListStatus.from_dict({"one_of": ["resolved"]})
    found_resolved = call(alerts_v2_list, page_size=5, status=status, alert_source=by_source).alerts
    assert [one.id for one in found_resolved] == [found[2].id]
    call(alerts_v2_list, page_size=51, expect=422)
    call(alerts_v2_show, NOTHING, expect=404)
    call(alerts_v2_resolve, NOTHING, expect=404)
    return one


def incidents():
    create = models.IncidentsCreatePayloadV2
    ids = []
    for n in range(3):
        sent = create.from_dict(
            {
                "idempotency_key": f"{RUN}-{n}",
                "visibility": "public",
                "mode": "standard",
                "name": f"Incident {n} {RUN}",
                "summary": "Really, really sad",
                "custom_field_entries": [],
            }
        )
        made = call(incidents_v2_create, body=sent).incident
        shown = made.to_dict() | {"idempotency_key": f"{RUN}-{n}"}
        within(sent.to_dict(), shown)
        assert call(incidents_v2_create, body=sent).incident.id == made.id, "the same key made another"
        ids.append(made.id)
    pages(incidents_v2_list, "incidents", ids)
    shown = call(incidents_v2_show, ids[0]).incident
    assert call(incidents_v2_show, shown.reference.removeprefix("INC-")).incident == shown
    assert shown.incident_status.category == "live" and shown.creator.api_key.name
    since = models.IncidentsV2ListCreatedAt.from_dict({"gte": [shown.created_at.strftime("%Y-%m-%d")]})
    oldest = call(incidents_v2_list, page_size=500, created_at=since).incidents
    assert set(ids) <= {one.id for one in oldest}
    call(incidents_v2_show, NOTHING, expect=404)
    wrong = {"idempotency_key": f"{RUN}-x", "visibility": "public", "severity_id": NOTHING}
    refused = call(incidents_v2_create, body=create.from_dict(wrong), expect=422)
    assert refused.errors[0].source.field == "severity_id"
    return ids[0]


def choices():
    """Severities, statuses, roles and attributes: each is made three times, listed, changed, shown and deleted once."""
    severity = {"name": "S", "description": "Bad", "rank": 7}
    status = {"name": "S", "description": "Far", "category": "live", "rank": 3}
    role = {"name": "R", "description": "Does", "instructions": "Do", "shortform": "r"}
    kept = {}
    for many, one, verbs, payloads, sent, gone in (
        (
            "severities",
            "severity",
            (
                severities_v1_list,
                severities_v1_create,
                severities_v1_show,
                severities_v1_update,
                severities_v1_delete,
            ),
            (models.SeveritiesCreatePayloadV1, models.SeveritiesUpdatePayloadV1),
            severity,
            202,
        ),
        (
            "incident_statuses",
            "incident_status",
            (
                incident_statuses_v1_list,
                incident_statuses_v1_create,
                incident_statuses_v1_show,
                incident_statuses_v1_update,
                incident_statuses_v1_delete,
            ),
            (models.IncidentStatusesCreatePayloadV1, models.IncidentStatusesUpdatePayloadV1),
            status,
            202,
        ),
        (
            "incident_roles",
            "incident_role",
            (
                incident_roles_v1_list,
                incident_roles_v1_create,
                incident_roles_v1_show,
                incident_roles_v1_update,
                incident_roles_v1_delete,
            ),
            (models.IncidentRolesCreatePayloadV1, models.IncidentRolesUpdatePayloadV1),
            role | {"name": "R1", "required": False},
            204,
        ),
        (
            "incident_roles",
            "incident_role",
            (
                incident_roles_v2_list,
                incident_roles_v2_create,
                incident_roles_v2_show,
                incident_roles_v2_update,
                incident_roles_v2_delete,
            ),
            (models.IncidentRolesCreatePayloadV2, models.IncidentRolesUpdatePayloadV2),
            role,
            204,
        ),
        (
            "alert_attributes",
            "alert_attribute",
            (
                alert_attributes_v2_list,
                alert_attributes_v2_create,
                alert_attributes_v2_show,
                alert_attributes_v2_update,
                alert_attributes_v2_destroy,
            ),
            (models.AlertAttributesCreatePayloadV2, models.AlertAttributesUpdatePayloadV2),
            {"name": "A", "type": "String", "array": False, "required": False, "emoji": "fire"},
            204,
        ),
    ):
        listing, create, show, update, delete = verbs
        made = []
        for n in range(3):
            body = payloads[0].from_dict(sent | {"name": f"{sent['name']} {n} {RUN}"})
            shown = getattr(call(create, body=body, expect=201), one)
            within(body.to_dict(), shown.to_dict())
            made.append(shown.id)
        call(create, body=body, expect=422)
        assert set(made) <= {each.id for each in getattr(call(listing), many)}
        body = payloads[1].from_dict(sent | {"name": f"{sent['name']} renamed {RUN}"})
        within(body.to_dict(), getattr(call(update, made[0], body=body), one).to_dict())
        within(body.to_dict(), getattr(call(show, made[0]), one).to_dict())
        call(show, NOTHING, expect=404)
        call(update, NOTHING, body=body, expect=404)
        call(delete, made[2], expect=gone)
        call(delete, made[2], expect=404)
        kept[one] = made[0]
    [kind, *_] = call(incident_types_v1_list).incident_types
    assert call(incident_types_v1_show, kind.id).incident_type == kind
    call(incident_types_v1_show, NOTHING, expect=404)
    stamps = call(incident_timestamps_v2_list).incident_timestamps
    assert len(stamps) >= 3
    assert call(incident_timestamps_v2_show, stamps[1].id).incident_timestamp == stamps[1]
    call(incident_timestamps_v2_show, NOTHING, expect=404)
    return kept | {"incident_timestamp": stamps[1].id}


def edits(incident, user, kept):
    """Edits an incident and shares updates of it."""
    edit, share = models.IncidentsEditPayloadV2, models.IncidentUpdatesCreatePayloadV2
    at = "2026-01-02T03:04:05+00:00"
    change = {
        "name": f"Renamed {RUN}",
        "summary": "Not so sad",
        "severity_id": kept["severity"],
        "incident_status_id": kept["incident_status"],
        "incident_role_assignments": [
            {"incident_role_id": kept["incident_role"], "assignee": {"id": user}},
        ],
        "incident_timestamp_values": [{"incident_timestamp_id": kept["incident_timestamp"], "value": at}],
    }
    sent = edit.from_dict({"incident": change, "notify_incident_channel": False})
    shown = call(incidents_v2_edit, incident, body=sent).incident
    assert (shown.name, shown.summary) == (change["name"], change["summary"])
    assert shown.severity.id == kept["severity"] and shown.incident_status.id == kept["incident_status"]
    [assignment] = shown.incident_role_assignments
    assert assignment.role.id == kept["incident_role"] and assignment.assignee.id == user
    stamps = {one.incident_timestamp.id: one.value for one in shown.incident_timestamp_values}
    assert stamps[kept["incident_timestamp"]].value.isoformat() == at
    assert call(incidents_v2_show, incident).incident == shown
    by_severity = models.IncidentsV2ListSeverity.from_dict({"one_of": [kept["severity"]]})
    assert [one.id for one in call(incidents_v2_list, severity=by_severity).incidents] == [incident]
    call(severities_v1_delete, kept["severity"], expect=422)
    call(incidents_v2_edit, NOTHING, body=sent, expect=404)
    wrong = edit.from_dict({"incident": {"severity_id": NOTHING}, "notify_incident_channel": False})
    refused = call(incidents_v2_edit, incident, body=wrong, expect=422)
    assert refused.errors[0].source.field == "incident.severity_id"
    made = []
    for n in range(3):
        sent = share.from_dict(
            {"idempotency_key": f"{RUN}-{n}", "incident_id": incident, "message": f"Update {n}"}
        )
        update = call(incident_updates_v2_create, body=sent, expect=201).incident_update
        assert (update.message, update.incident_id) == (f"Update {n}", incident)
        assert update.new_incident_status.id == kept["incident_status"] and update.updater.api_key.name
        assert call(incident_updates_v2_create, body=sent, expect=201).incident_update == update
        made.append(update.id)
    listed = pages(incident_updates_v2_list, "incident_updates", made, incident_id=incident)
    assert [one.id for one in listed][:3] == made[::-1], "the newest is first"
    assert len(listed) == 4 and listed[3].new_severity.id == kept["severity"]
    every = pages(incident_updates_v2_list, "incident_updates", made)
    assert every[:4] == listed, "those of all incidents, the newest first"
    nobody = share.from_dict({"idempotency_key": f"{RUN}-x", "incident_id": NOTHING, "message": "x"})
    call(incident_updates_v2_create, body=nobody, expect=422)
    call(incident_updates_v2_list, incident_id=NOTHING, expect=422)


def description():
    # The client takes this reply for a file and cannot read what is JSON, so it is asked for as it is.
    shown = raw("GET", "/v1/openapiV3.json", None)
    assert shown["openapi"].startswith("3.0") and "/v2/incident_updates" in shown["paths"]


def escalations(users, path, incident, alert):
    create, respond = models.EscalationsCreatePayloadV2, models.EscalationsRespondEscalationPayloadV2
    made = []
    for n, whom in enumerate(({"escalation_path_id": path}, {"user_ids": users}, {"user_ids": users[:1]})):
        sent = create.from_dict(
            {
                "idempotency_key": f"{RUN}-{n}",
                "title": f"Escalation {n} {RUN}",
                "description": "For an hour",
                "incident_id": incident,
            }
            | whom
        )
        shown = call(escalations_v2_create, body=sent, expect=201).escalation
        assert (shown.title, shown.description) == (sent.title, sent.description)
        assert shown.related_incidents[0].id == incident and shown.status == "triggered"
        assert call(escalations_v2_create, body=sent, expect=201).escalation.id == shown.id
        made.append(shown.id)
    pages(escalations_v2_list, "escalations", made)
    of_alert = models.EscalationsV2ListAlert.from_dict({"one_of": [alert.id]})
    [one] = call(escalations_v2_list, page_size=5, alert=of_alert).escalations
    assert one.related_alerts[0].id == alert.id and one.creator.alert.id == alert.id
    key = models.EscalationsV2ListIdempotencyKey.from_dict({"is": [f"{RUN}-1"]})
    assert [one.id for one in call(escalations_v2_list, page_size=5, idempotency_key=key).escalations] == [made[1]]
    call(escalations_v2_respond_escalation, made[0], body=respond.from_dict({"response": "ack"}))
    call(escalations_v2_respond_escalation, made[1], body=respond.from_dict({"response": "nack"}), expect=422)
    call(escalations_v2_cancel_escalation, made[1])
    acked = call(escalations_v2_show, made[0]).escalation
    assert acked.status == "acked" and acked.events[-1].event == "acked"
    assert call(escalations_v2_show, made[1]).escalation.status == "cancelled"
    call(escalations_v2_respond_escalation, made[1], body=respond.from_dict({"response": "ack"}), expect=409)
    call(escalations_v2_show, NOTHING, expect=404)
    call(escalations_v2_cancel_escalation, NOTHING, expect=404)
    both = {"idempotency_key": f"{RUN}-x", "title": "x", "escalation_path_id": path, "user_ids": users}
    call(escalations_v2_create, body=create.from_dict(both), expect=422)


def refusals():
    unknown = AuthenticatedClient(base_url=URL, token="fb_nobody")
    reply = utilities_v1_identity.sync_detailed(client=unknown)
    assert reply.status_code == 401 and isinstance(reply.parsed, models.ErrorResponse), reply


def main():
    identity()
    refusals()
    users = people()
    path = paths(users[0])
    source = sources()
    routes(source.id, path)
    alert = alerts(source)
    incident = incidents()
    edits(incident, users[0], choices())
    description()
    escalations(users, path, incident, alert)
    for name in sorted(set(DRIVEN)):
        print(f"{DRIVEN.count(name):4} {name}")
    print(f"all {len(DRIVEN)} calls as expected")


if __name__ == "__main__":
    main()
