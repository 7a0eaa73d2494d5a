#!/usr/bin/env python3
"""Tests the deployment on an AWS emulator: `sam deploy`, an alert that pages, the next deployment. See README.md."""

import io
import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "target" / "lambda"
STACK = "firebell"
REGION = "eu-west-1"
OWNER = "olive@example.com"
RESPONDER = "ada@example.com"
MAIL_DOMAIN = "alerts.example.com"
# The number of alerts whose time to the email is measured.
PROBES = 10


def say(text):
    print(text, flush=True)


def expect(fact, otherwise):
    if not fact:
        raise SystemExit(f"error: {otherwise}")


def wait(what, done, seconds=60, pause=0.02):
    """Waits until `done` returns a value, and returns it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = done()
        if found:
            return found
        time.sleep(pause)
    raise SystemExit(f"error: {what} did not appear within {seconds} s")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Inbox(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps every email with the time of its arrival."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.mails = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def find(self, text):
        return [mail for mail in list(self.mails) if text in mail["text"]]


class Session(socketserver.StreamRequestHandler):
    """Serves one connection."""

    disable_nagle_algorithm = True

    def handle(self):
        self.wfile.write(b"220 inbox\r\n")
        to = ""
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-inbox\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
            elif verb == b"RCPT":
                to = line.decode().split("<")[1].split(">")[0]
                self.wfile.write(b"250 ok\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                at, lines = time.monotonic(), []
                for line in self.rfile:
                    if line == b".\r\n":
                        break
                    lines.append(line.decode())
                text = "".join(lines).replace("=\r\n", "").replace("=3D", "=")
                self.server.mails.append({"at": at, "to": to, "text": text})
                self.wfile.write(b"250 kept\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


class Emulator:
    """The running emulator, with a temporary folder of its own."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = tempfile.mkdtemp(prefix="firebell-ministack-")
        environment = {
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            # Addresses that it gives out: of the API, of queues, of where CloudFormation is answered.
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AWS_ENDPOINT_URL": self.url,
            "MINISTACK_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "TMPDIR": self.folder,
            "LOG_LEVEL": "WARNING",
        }
        self.log = open(Path(self.folder) / "log", "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=environment, cwd=self.folder, stdout=self.log, stderr=subprocess.STDOUT,
        )
        wait("the emulator", self.ready, seconds=60, pause=0.1)

    def ready(self):
        expect(self.process.poll() is None, f"the emulator ended: {self.said()}")
        try:
            return urllib.request.urlopen(f"{self.url}/_localstack/health", timeout=2).status == 200
        except (OSError, urllib.error.URLError):
            return False

    def said(self):
        return (Path(self.folder) / "log").read_text(errors="replace")[-4000:]

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 2}, s3={"addressing_style": "path"}, parameter_validation=False),
        )

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Deployment:
    """The deployed stack, and the calls to it."""

    def __init__(self, emulator, inbox):
        self.emulator = emulator
        self.parameters = {
            "Architecture": "arm64" if os.uname().machine == "aarch64" else "x86_64",
            "DeletionProtection": "false",
            "OwnerEmail": OWNER,
            "SmtpUrl": f"smtp://127.0.0.1:{inbox.server_address[1]}",
            "MailFrom": "Firebell <firebell@example.com>",
            "MailDomain": MAIL_DOMAIN,
        }
        for service in ("cloudformation", "s3", "lambda", "sqs", "secretsmanager", "dynamodb", "apigatewayv2", "cloudwatch"):
            setattr(self, service.replace("lambda", "functions"), emulator.client(service))
        self.s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})

    def upload(self, version):
        """Uploads each binary, and returns the template with their places, as `sam package` does.

        A few bytes after the end of each binary make every version a different one.
        """
        text = (ROOT / "template.yaml").read_text()
        # The emulator has no receipt rules; `mail_in` does what SES would do.
        text = re.sub(r"(?m)^  (?:MailRuleSet|MailRule):\n(?:    .*\n)+", "", text)
        names = re.findall(r"CodeUri: target/lambda/([a-z-]+)/\n", text)
        sizes = 0
        for name in names:
            binary = BUILT / name / "bootstrap"
            expect(binary.exists(), f"there is no {binary}: cargo xtask package --profile release --host")
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
                entry = zipfile.ZipInfo("bootstrap")
                entry.external_attr = 0o755 << 16
                archive.writestr(entry, binary.read_bytes() + f"\nversion {version}\n".encode())
            sizes += packed.tell()
            self.s3.put_object(Bucket="code", Key=f"{version}/{name}.zip", Body=packed.getvalue())
        for nested in re.findall(r"TemplateURL: infra/([a-z-]+)\.yaml\n", text):
            body = (ROOT / "infra" / f"{nested}.yaml").read_bytes()
            self.s3.put_object(Bucket="code", Key=f"{version}/{nested}.yaml", Body=body)
        code = self.emulator.url + f"/code/{version}"
        text = re.sub(r"TemplateURL: infra/([a-z-]+)\.yaml\n", rf"TemplateURL: {code}/\1.yaml\n", text)
        text = re.sub(r"CodeUri: target/lambda/([a-z-]+)/\n", rf"CodeUri: s3://code/{version}/\1.zip\n", text)
        # In the bucket, as `sam deploy` does it: a request holds 51,200 bytes of template, a bucket a megabyte.
        self.s3.put_object(Bucket="code", Key=f"{version}/template.yaml", Body=text.encode())
        return names, sizes, f"{code}/template.yaml"

    def deploy(self, version):
        """Creates or updates the stack; returns how long that took."""
        names, sizes, template = self.upload(version)
        call = self.cloudformation.create_stack if version == 1 else self.cloudformation.update_stack
        began = time.monotonic()
        call(
            StackName=STACK,
            TemplateURL=template,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
        )
        stack = wait(f"version {version}", lambda: self.done(), seconds=180, pause=0.1)
        took = time.monotonic() - began
        expect(
            stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"),
            f"the stack is {stack['StackStatus']}: {stack.get('StackStatusReason')} {self.failures()}",
        )
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        return names, sizes, took

    def done(self):
        stack = self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    def failures(self):
        events = self.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [e for e in events if "FAILED" in e.get("ResourceStatus", "")]
        return [(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in failed]

    def resource(self, logical):
        found = self.cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def request(self, method, path, body=None, bearer=None):
        """Calls the deployed API; returns status and text."""
        # The name of an API resolves nowhere, so its id goes into the path.
        api = self.resource("Api")
        url = path if path.startswith("http") else f"{self.emulator.url}/_aws/execute-api/{api}/$default{path}"
        request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
        if body is not None:
            request.add_header("content-type", "application/json")
        if bearer:
            request.add_header("authorization", f"Bearer {bearer}")
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def ask(self, path, body, status=(200, 201)):
        got, text = self.request("POST", path, body, self.api_key)
        expect(got in status, f"POST {path} was answered {got} {text}")
        return json.loads(text)

    def waiting(self, queue):
        url = self.sqs.get_queue_url(QueueName=f"{STACK}-{queue}")["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        counted = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(counted.get(name, 0)) for name in names[:2])

    def polls(self, logical, enabled):
        """Starts or stops the delivery of a queue to its function."""
        self.functions.update_event_source_mapping(UUID=self.resource(logical), Enabled=enabled)


def organise(deployment):
    """Creates a person, an escalation path, an alert source and an alert route."""
    user = deployment.ask("/v2/users", {"name": "Ada", "email": RESPONDER, "role": "responder"})["user"]
    target = {"type": "user", "id": user["id"], "urgency": "high", "schedule_mode": "currently_on_call"}
    path = deployment.ask("/v2/escalation_paths", {
        "name": "On call",
        "path": [{"id": "first", "type": "level", "level": {"targets": [target], "time_to_ack_seconds": 300}}],
    })["escalation_path"]
    return routed(deployment, "alertmanager", path), routed(deployment, "email", path)


def routed(deployment, kind, path):
    """Creates an alert source of a type and an alert route to the escalation path."""
    source = deployment.ask("/v2/alert_sources", {
        "name": f"Sender {kind}", "source_type": kind,
        "template": {
            "title": {"reference": "alert.title"}, "description": {"reference": "alert.description"},
            "attributes": [], "expressions": [],
        },
    })["alert_source"]
    deployment.ask("/v2/alert_routes", {
        "name": f"Everything of {kind}", "enabled": True, "is_private": False, "condition_groups": [], "expressions": [],
        "alert_sources": [{"alert_source_id": source["id"], "condition_groups": []}], "channel_config": [],
        "escalation_config": {
            "auto_cancel_escalations": True,
            "escalation_targets": [{"escalation_paths": {"array_value": [{"literal": path["id"]}]}}],
        },
        "incident_config": {
            "enabled": True, "auto_decline_enabled": False, "condition_groups": [], "defer_time_seconds": 0,
            "grouping_keys": [], "grouping_window_seconds": 0,
        },
        "incident_template": {"name": {"binding": {"value": {"reference": "alert.title"}}}},
    })
    return source


def mail_in(deployment, source, key):
    """Delivers an email as SES does: puts it into the bucket, and sends a message to the queue."""
    address = source["email_options"]["email_address"]
    expect(address.endswith("@" + MAIL_DOMAIN), f"the address of the source is {address}")
    text = f"From: cron@example.com\r\nMessage-ID: <{key}@example.com>\r\nSubject: {key} is on fire\r\n\r\nLook.\r\n"
    deployment.s3.put_object(Bucket=deployment.resource("MailBucket"), Key=key, Body=text.encode())
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    received = {
        "notificationType": "Received",
        "receipt": {"recipients": [address], "spfVerdict": {"status": "PASS"}, "action": {"type": "S3", "objectKey": key}},
        "mail": {"timestamp": now, "messageId": key, "commonHeaders": {"subject": "not from here"}},
    }
    url = deployment.sqs.get_queue_url(QueueName=f"{STACK}-mail-receive")["QueueUrl"]
    deployment.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(received))


def fire(deployment, source, name):
    """Sends one alert as Alertmanager does; returns the time."""
    began = time.monotonic()
    status, text = deployment.request("POST", f"/v2/alert_events/alertmanager/{source['id']}", {
        "version": "4", "status": "firing",
        "alerts": [{
            "status": "firing", "labels": {"alertname": name},
            "annotations": {"summary": f"{name} is on fire"}, "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z", "fingerprint": name,
        }],
    }, source["secret_token"])
    expect(status == 202, f"the webhook was answered {status} {text}")
    return began, time.monotonic() - began


def acknowledge(deployment, mail):
    """Acknowledges with the link of an email. Opening the link changes nothing; pressing the button does."""
    public = deployment.outputs["Url"]
    link = re.search(r"(https?://[^\s\"<>]*)(/acknowledge/[^\s\"<>]+)", mail["text"])
    expect(link and link[1] == public, f"the mail has no link to {public}: {mail['text']}")
    status, page = deployment.request("GET", link[2])
    expect(status == 200 and "<form" in page, f"the link was answered {status} {page}")
    # The response redirects to the page's public URL, which has no address here; so only its path is used.
    status, text = post_without_following(deployment, link[2])
    expect(status in (200, 303), f"the button was answered {status} {text}")
    status, page = deployment.request("GET", link[2])
    expect(status == 200 and "<form" not in page, "the button did not acknowledge: it is still there")


def post_without_following(deployment, path):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    api = deployment.resource("Api")
    url = f"{deployment.emulator.url}/_aws/execute-api/{api}/$default{path}"
    request = urllib.request.Request(url, method="POST", data=b"")
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=40) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def scenario(emulator, inbox):
    deployment = Deployment(emulator, inbox)
    names, sizes, created = deployment.deploy(1)
    api = deployment.resource("Api")
    routes = deployment.apigatewayv2.get_routes(ApiId=api)["Items"]
    declared = (ROOT / "template.yaml").read_text().count("Type: AWS::ApiGatewayV2::Route")
    expect(len(routes) == declared, f"the template has {declared} routes, the emulator created {len(routes)}")
    say(f"deployed {len(names)} functions ({sizes / 1e6:.0f} MB) and {len(routes)} routes in {created:.1f} s")

    alarms = deployment.cloudwatch.describe_alarms(AlarmNamePrefix=f"{STACK}-")["MetricAlarms"]
    declared = (ROOT / "infra/alarms.yaml").read_text().count("Type: AWS::CloudWatch::Alarm")
    expect(len(alarms) == declared, f"infra/alarms.yaml has {declared} alarms, the emulator created {len(alarms)}")
    dashboard = json.loads(deployment.cloudwatch.get_dashboard(DashboardName=STACK)["DashboardBody"])
    say(f"{len(alarms)} alarms and a dashboard of {len(dashboard['widgets'])} widgets exist")

    # The custom resource has created the organisation; its API key is in the secret that the owner reads.
    organisation = deployment.outputs["OrganisationId"]
    secret = deployment.secretsmanager.get_secret_value(SecretId=deployment.outputs["ApiKeySecret"])["SecretString"]
    deployment.api_key = secret
    expect(secret not in json.dumps(deployment.outputs), "the key is in the stack's outputs")
    status, text = deployment.request("GET", "/v1/identity", bearer=secret)
    expect(status == 200, f"the API key was answered with status {status}: {text}")
    expect(deployment.request("GET", "/v1/identity", bearer="fb_wrong")[0] == 401, "a wrong API key was accepted")
    say(f"the organisation {organisation} exists, and the API key in its secret works")

    source, mailbox = organise(deployment)
    fire(deployment, source, "cold")
    wait("the first email", lambda: inbox.find("cold is on fire"))
    took, accepted = [], []
    for n in range(PROBES):
        began, answered = fire(deployment, source, f"probe-{n}")
        mail = wait("a page", lambda: inbox.find(f"probe-{n} is on fire"))[0]
        expect(mail["to"] == RESPONDER, f"{mail['to']} was paged")
        took.append(mail["at"] - began)
        accepted.append(answered)
    took.sort(), accepted.sort()
    say(
        f"paged {PROBES} times: from webhook to mail {took[PROBES // 2] * 1000:.0f} ms in the middle, {took[-1] * 1000:.0f} ms "
        f"at most; accepted in {accepted[PROBES // 2] * 1000:.0f} ms (the emulator's own 50 ms a call among them)"
    )
    acknowledge(deployment, inbox.find("probe-0 is on fire")[0])
    say("acknowledged with the link of the email")
    mail_in(deployment, mailbox, "mail-1")
    page = wait("the email for an alert that came by SES", lambda: inbox.find("mail-1 is on fire"))
    expect(len(page) == 1 and page[0]["to"] == RESPONDER, f"the alert that came by SES sent {page}")
    say("an email in the bucket paged")

    # The next version is deployed while messages of this one wait.
    deployment.polls("AlertHandleMapping", False)
    time.sleep(2)
    for n in range(3):
        fire(deployment, source, f"waiting-{n}")
    expect(deployment.waiting("alert-handle") == 3, f"{deployment.waiting('alert-handle')} messages wait, not 3")
    expect(not inbox.find("waiting-"), "a message was handled that should wait")
    before = {name: version_of(deployment, name) for name in ("AlertHandleFunction", "NotificationSendFunction")}
    _, _, updated = deployment.deploy(2)
    for name, hash_before in before.items():
        expect(version_of(deployment, name) != hash_before, f"{name} is the same binary as before")
    expect(deployment.outputs["OrganisationId"] == organisation, "the second deployment created another organisation")
    # In case the deployment has not started the delivery of the queue again itself.
    deployment.polls("AlertHandleMapping", True)
    for n in range(3):
        wait("a page of a message that waited", lambda: inbox.find(f"waiting-{n} is on fire"))
    fire(deployment, source, "after")
    wait("a page of the new version", lambda: inbox.find("after is on fire"))
    status, text = deployment.request("GET", "/v1/identity", bearer=secret)
    expect(status == 200, f"after the deployment the API key was answered with status {status}: {text}")
    say(f"deployed again in {updated:.1f} s; the new version paged for 3 waiting messages of the old one, and for a new alert")

    # The emulator runs no schedules, so the function is called as the schedule would call it.
    event = (ROOT / "events/escalation-sweep/tick.json").read_bytes()
    swept = deployment.functions.invoke(FunctionName=deployment.resource("EscalationSweepFunction"), Payload=event)
    expect("FunctionError" not in swept, f"the sweep failed: {swept['Payload'].read()}")

    paged = [mail for mail in inbox.mails if mail["to"] == RESPONDER]
    expect(len(paged) == len({m["text"].split("Subject:")[1].split("\r\n")[0] for m in paged}), "somebody was paged twice")
    expect(len(paged) == PROBES + 6, f"{len(paged)} pages arrived, not {PROBES + 6}")
    for queue in ("alert-rescue", "alert-rescue-dead", "escalation-tick-dead", "notification-send-dead", "mail-receive", "mail-receive-dead", "outbox-relay-dead", "slack-work-dead"):
        expect(deployment.waiting(queue) == 0, f"{deployment.waiting(queue)} messages in {queue}")
    items = deployment.dynamodb.scan(TableName=STACK, Select="COUNT")["Count"]

    table = deployment.dynamodb.describe_table(TableName=STACK)["Table"]["TableArn"]
    deployment.cloudformation.delete_stack(StackName=STACK)
    wait("the end of the stack", lambda: gone(deployment), seconds=60, pause=0.2)
    kept = [name for name in deployment.dynamodb.list_tables()["TableNames"] if name == STACK]
    say(
        f"counted: {len(paged)} pages for {PROBES + 6} alerts, none twice, nothing in dead-letter queues, {items} items in the table; "
        f"the stack is deleted, its table {'stays' if kept else 'was removed by the emulator, which AWS would keep'} ({table.split(':')[-1]})"
    )
    say("the deployment works")


def version_of(deployment, logical):
    return deployment.functions.get_function_configuration(FunctionName=deployment.resource(logical))["CodeSha256"]


def gone(deployment):
    try:
        stacks = deployment.cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        return not stacks or stacks[0]["StackStatus"] == "DELETE_COMPLETE"
    except deployment.cloudformation.exceptions.ClientError:
        return True


def main():
    inbox = Inbox()
    emulator = Emulator()
    try:
        scenario(emulator, inbox)
    except BaseException:
        say(f"the emulator printed:\n{emulator.said()}")
        raise
    finally:
        emulator.stop()


if __name__ == "__main__":
    main()
