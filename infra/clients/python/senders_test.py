"""Sends alerts to a running Firebell with unmodified alert senders, and prints the alerts that arrived.

Usage: senders_test.py URL API-KEY MAIL-ADDRESS:PORT

The senders get the address of Firebell and a key, and are not changed otherwise: the PyPI clients of PagerDuty and
Opsgenie, Debian's Alertmanager (as a webhook, for PagerDuty, for Opsgenie and by SMTP), Python's `smtplib`, Debian's
Prometheus without an Alertmanager, and Debian's Icinga with a notification command. Each sends a firing and a resolved
event. Needs `pdpyras` 5.4,
`opsgenie-sdk` 2.1, `prometheus-alertmanager`, `prometheus`, `icinga2` and `curl`.
"""

import grp
import json
import os
import pathlib
import pwd
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from email.message import EmailMessage

URL, KEY, MAIL = sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3]
PATIENCE = 60
checks = 0


def ask(method, path, body=None, key=KEY):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(URL + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def check(what, holds, shown=""):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"senders: {what}: {shown}")


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def source(kind, path):
    """Creates an alert source of a type and an alert route to an escalation path."""
    template = {
        "title": {"reference": "alert.title"},
        "description": {"reference": "alert.description"},
        "attributes": [],
        "expressions": [],
    }
    made = ask("POST", "/v2/alert_sources", {"name": f"Sender {kind}", "source_type": kind, "template": template})
    made = made["alert_source"]
    ask(
        "POST",
        "/v2/alert_routes",
        {
            "name": f"Route of {kind}",
            "enabled": True,
            "is_private": False,
            "alert_sources": [{"alert_source_id": made["id"], "condition_groups": []}],
            "channel_config": [],
            "condition_groups": [],
            "expressions": [],
            "escalation_config": {
                "auto_cancel_escalations": True,
                "escalation_targets": [{"escalation_paths": {"array_value": [{"literal": path}]}}],
            },
            "incident_config": {
                "enabled": True,
                "auto_decline_enabled": False,
                "condition_groups": [],
                "defer_time_seconds": 0,
                "grouping_keys": [],
                "grouping_window_seconds": 0,
            },
            "incident_template": {"name": {"binding": {"value": {"reference": "alert.title"}}}},
        },
    )
    return made


def alerts(made):
    listed = ask("GET", f"/v2/alerts?page_size=50&alert_source[one_of]={made['id']}")["alerts"]
    return [alert for alert in listed if alert["alert_source_id"] == made["id"]]


def wait_for(what, made, status, title=""):
    """Waits until a source has an alert with this status and title."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = [alert for alert in alerts(made) if alert["status"] == status and title in alert["title"]]
        if found:
            check(what, True)
            print(f"  {what}: {found[0]['title']!r} {status}")
            return found[0]
        time.sleep(0.2)
    check(what, False, alerts(made))


def escalation_is(what, alert, status):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        listed = ask("GET", f"/v2/escalations?alert[one_of]={alert['id']}")["escalations"]
        if listed and all(one["status"] == status for one in listed):
            print(f"  {what}: escalation {status}")
            return check(what, True)
        time.sleep(0.2)
    check(what, False, listed)


def pdpyras_sends(made):
    warnings.filterwarnings("ignore")
    import pdpyras

    class Session(pdpyras.EventsAPISession):
        url = URL

    session = Session(made["secret_token"])
    key = session.trigger("CPU of db-1 is high", "db-1", severity="critical")
    check("pdpyras is given a key", isinstance(key, str) and key)
    alert = wait_for("pdpyras triggers", made, "firing", "CPU of db-1")
    session.acknowledge(key)
    escalation_is("pdpyras acknowledges", alert, "acked")
    session.resolve(key)
    wait_for("pdpyras resolves", made, "resolved", "CPU of db-1")


def opsgenie_sdk_sends(made):
    import opsgenie_sdk

    configuration = opsgenie_sdk.Configuration()
    configuration.host = URL
    configuration.api_key["Authorization"] = made["secret_token"]
    configuration.api_key_prefix["Authorization"] = "GenieKey"
    api = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration))
    answer = api.create_alert(
        opsgenie_sdk.CreateAlertPayload(message="Disk of db-2 is full", alias="db-2/disk", priority="P1", tags=["disk"])
    )
    check("opsgenie-sdk reads the answer", answer.result == "Request will be processed", answer)
    alert = wait_for("opsgenie-sdk creates", made, "firing", "Disk of db-2")
    status = api.get_request_status(answer.request_id)
    check("opsgenie-sdk reads the request's state", status.data.is_success is True, status)
    api.add_note(
        identifier="db-2/disk", identifier_type="alias", add_note_to_alert_payload=opsgenie_sdk.AddNoteToAlertPayload(note="x")
    )
    api.acknowledge_alert(
        identifier="db-2/disk", identifier_type="alias", acknowledge_alert_payload=opsgenie_sdk.AcknowledgeAlertPayload()
    )
    escalation_is("opsgenie-sdk acknowledges", alert, "acked")
    api.close_alert(identifier="db-2/disk", identifier_type="alias", close_alert_payload=opsgenie_sdk.CloseAlertPayload())
    wait_for("opsgenie-sdk closes", made, "resolved", "Disk of db-2")


def alertmanager_sends(webhook, pagerduty, opsgenie, mail, folder):
    listen, config = port(), folder / "alertmanager.yml"
    config.write_text(
        f"""
route: {{ receiver: all, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}
receivers:
  - name: all
    webhook_configs:
      - url: {webhook["alert_events_url"]}
        http_config: {{ authorization: {{ credentials: "{webhook["secret_token"]}" }} }}
    pagerduty_configs:
      - routing_key: "{pagerduty["secret_token"]}"
        url: {URL}/v2/enqueue
    opsgenie_configs:
      - api_key: "{opsgenie["secret_token"]}"
        api_url: {URL}/opsgenie/
        priority: P2
    email_configs:
      - to: {mail["email_options"]["email_address"]}
        from: alertmanager@example.com
        smarthost: {MAIL}
        require_tls: false
        send_resolved: true
"""
    )
    arguments = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{listen}",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for ends, status in ((3600, "firing"), (-1, "resolved")):
                moment = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
                alert = {
                    "labels": {"alertname": "FromAlertmanager", "severity": "critical"},
                    "annotations": {"summary": "From Alertmanager"},
                    "startsAt": moment(-10),
                    "endsAt": moment(ends),
                }
                post(f"http://127.0.0.1:{listen}/api/v2/alerts", [alert])
                wait_for(f"Alertmanager's webhook, {status}", webhook, status, "From Alertmanager")
                wait_for(f"Alertmanager's pagerduty_config, {status}", pagerduty, status, "FromAlertmanager")
                wait_for(f"Alertmanager's opsgenie_config, {status}", opsgenie, status, "FromAlertmanager")
                wait_for(f"Alertmanager's email_config, {status}", mail, status, "FromAlertmanager")
        finally:
            process.terminate()


def post(address, body):
    until = time.monotonic() + PATIENCE
    while True:
        try:
            request = urllib.request.Request(
                address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
            )
            with urllib.request.urlopen(request, timeout=5):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def prometheus_sends(made, folder):
    listen = port()
    host, prefix = made["alert_events_url"].split("://")[1].split("/", 1)
    rules, config = folder / "rules.yml", folder / "prometheus.yml"
    rule = """
groups:
  - name: test
    interval: 1s
    rules:
      - alert: FromPrometheus
        expr: {expression}
        labels: {{ severity: warning }}
        annotations: {{ summary: From Prometheus }}
"""
    rules.write_text(rule.format(expression="vector(1)"))
    config.write_text(
        f"""
global: {{ evaluation_interval: 1s, scrape_interval: 1m }}
rule_files: [{rules}]
alerting:
  alertmanagers:
    - path_prefix: /{prefix}
      authorization: {{ credentials: "{made["secret_token"]}" }}
      static_configs: [{{ targets: ["{host}"] }}]
"""
    )
    arguments = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{listen}",
        "--web.enable-lifecycle",
        "--rules.alert.resend-delay=1s",
    ]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for("Prometheus, firing", made, "firing", "From Prometheus")
            rules.write_text(rule.format(expression="vector(1) > 2"))
            post(f"http://127.0.0.1:{listen}/-/reload", {})
            wait_for("Prometheus, resolved", made, "resolved", "From Prometheus")
            check("a repeated event is one alert", len(alerts(made)) == 1, alerts(made))
        finally:
            process.terminate()


def smtplib_sends(made):
    def send(subject, text, answers=None, to=made["email_options"]["email_address"]):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "Cron <cron@example.com>", to, subject
        message["Message-ID"] = f"<{time.monotonic_ns()}@cron.example.com>"
        if answers:
            message["In-Reply-To"] = answers
        message.set_content(text)
        with smtplib.SMTP(*MAIL.rsplit(":", 1)) as server:
            server.send_message(message)
        return message["Message-ID"]

    first = send("Sicherung von db-4 schlug fehl", "Größe: 0 Bytes\n.\n..\n")
    alert = wait_for("smtplib, an email", made, "firing", "Sicherung von db-4")
    check("the text of an email is the description", alert["description"] == "Größe: 0 Bytes\n.\n..", alert)
    send("Re: Sicherung von db-4 schlug fehl", "I look at it.", answers=first)
    send("DOWN: db-5", "It is.")
    wait_for("smtplib, another", made, "firing", "DOWN: db-5")
    check("a reply belongs to the same alert", len([one for one in alerts(made) if "db-4" in one["title"]]) == 1, alerts(made))
    send("UP: db-5", "It is well.", to=made["email_options"]["email_address"].upper())
    wait_for("smtplib, resolved", made, "resolved", "DOWN: db-5")
    try:
        send("To nobody", "", to="nobody@localhost")
        check("an email to an unknown address is refused", False)
    except smtplib.SMTPRecipientsRefused as refused:
        check("an email to an unknown address is refused", refused.recipients["nobody@localhost"][0] == 550, refused)


def icinga_sends(made, folder):
    folder = folder / "icinga"
    own = {name: folder / name.lower() for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir")}
    for one in own.values():
        one.mkdir(parents=True)
    check_script, notify, state = folder / "check.sh", folder / "notify.sh", folder / "state"
    check_script.write_text(f'#!/bin/sh\n. {state}\necho "$words"\nexit $code\n')
    # A usual command. The output of a check may contain quotes and backslashes.
    notify.write_text(
        f"""#!/bin/sh
escape() {{ printf '%s' "$1" | tr '\\n\\t' '  ' | sed 's/[\\"]/\\\\&/g'; }}
curl --fail --silent --retry 3 -H "Authorization: Bearer {made["secret_token"]}" -H "Content-Type: application/json" \\
  -d "{{\\"title\\": \\"$(escape "$3")\\", \\"status\\": \\"$2\\", \\"deduplication_key\\": \\"$(escape "$1")\\"}}" {made["alert_events_url"]}
"""
    )
    for script in (check_script, notify):
        script.chmod(0o755)
    config = folder / "icinga2.conf"
    config.write_text(
        f"""
object CheckCommand "scripted" {{ command = [ "{check_script}" ] }}
object NotificationCommand "firebell" {{
  command = [ "{notify}", "$host.name$/$service.name$", "$service.state$", "$service.output$" ]
}}
object User "oncall" {{
  states = [ OK, Critical ]
  types = [ Problem, Recovery ]
}}
object Host "db-3" {{ check_command = "scripted" }}
object Service "disk" {{
  host_name = "db-3"
  check_command = "scripted"
  check_interval = 1s
  retry_interval = 1s
  max_check_attempts = 2
}}
object Notification "firebell" {{
  host_name = "db-3"
  service_name = "disk"
  command = "firebell"
  users = [ "oncall" ]
  interval = 0
}}
object CheckerComponent "checker" {{}}
object NotificationComponent "notification" {{}}
"""
    )
    me = {"RunAsUser": pwd.getpwuid(os.getuid()).pw_name, "RunAsGroup": grp.getgrgid(os.getgid()).gr_name}
    constants = [f"--define=Configuration.{name}={value}" for name, value in {**me, **own}.items()]
    words = 'Disk of db-3 is "full" \\o/'
    state.write_text(f"words='{words}' code=2\n")
    arguments = ["icinga2", "daemon", f"--config={config}", *constants]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for("Icinga, firing", made, "firing", words)
            state.write_text("words='Disk of db-3 is fine' code=0\n")
            wait_for("Icinga, resolved", made, "resolved", words)
            check("all events of an Icinga service are one alert", len(alerts(made)) == 1, alerts(made))
        finally:
            process.terminate()


user = ask("POST", "/v2/users", {"name": "On call", "email": "senders@example.com", "role": "responder"})["user"]["id"]
target = {"type": "user", "id": user, "urgency": "high", "schedule_mode": "currently_on_call"}
level = {"id": "first", "type": "level", "level": {"targets": [target], "time_to_ack_seconds": 3600}}
path = ask("POST", "/v2/escalation_paths", {"name": "Senders", "path": [level]})["escalation_path"]["id"]
kinds = ("alertmanager", "email", "http", "opsgenie_alerts", "pager_duty_events", "prometheus")
made = {kind: source(kind, path) for kind in kinds}
by_mail = source("email", path)
folder = pathlib.Path(tempfile.mkdtemp())
try:
    pdpyras_sends(made["pager_duty_events"])
    opsgenie_sdk_sends(made["opsgenie_alerts"])
    alertmanager_sends(made["alertmanager"], made["pager_duty_events"], made["opsgenie_alerts"], by_mail, folder)
    prometheus_sends(made["prometheus"], folder)
    icinga_sends(made["http"], folder)
    smtplib_sends(made["email"])
finally:
    shutil.rmtree(folder, ignore_errors=True)
print(f"senders: {checks} checks, with unmodified senders")
