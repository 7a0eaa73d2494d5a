#!/usr/bin/env python3
"""Tests the exported telemetry with OpenTelemetry's own messages and Sentry's own parser.

Usage: telemetry_test.py path/to/local.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sentry_sdk.envelope import Envelope

KEY = "a key that only this test uses, long enough"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRETS = ["collectors-key", "sentrys-key", KEY, "@localhost", "tess@example.com"]
taken: list[tuple[str, dict[str, str], bytes]] = []


class Collector(BaseHTTPRequestHandler):
    """Accepts and keeps all requests."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        taken.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def parsed(body: bytes) -> ExportTraceServiceRequest:
    """Parses a request. OTLP encodes ids as hexadecimal digits, protobuf's JSON as base64; all else is the same."""
    request = json.loads(body)
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    # Parsing fails if OTLP does not know a field.
    return json_format.Parse(json.dumps(request), ExportTraceServiceRequest())


def spans() -> list[Span]:
    found = []
    for path, headers, body in list(taken):
        if path == "/otlp/v1/traces":
            assert headers["x-api-key"] == "collectors-key" and headers["content-type"] == "application/json", headers
            for resource in parsed(body).resource_spans:
                known = {a.key: a.value.string_value for a in resource.resource.attributes}
                assert known["service.name"] == "firebell" and known["faas.name"] == "local", known
                found.extend(span for scope in resource.scope_spans for span in scope.spans)
    return found


def events() -> list[dict]:
    found = []
    for path, headers, body in list(taken):
        if path == "/api/7/envelope/":
            assert "sentry_key=sentrys-key" in headers["x-sentry-auth"], headers
            envelope = Envelope.deserialize(body)
            event = envelope.get_event()
            assert event is not None and len(envelope.items) == 1, body
            assert envelope.headers["event_id"] == event["event_id"], body
            found.append(event)
    return found


def until(what: str, holds, seconds: float = 20):
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


def ask(url: str, body: object = None, **headers: str) -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=10) as answer:
        return json.load(answer)


def paged() -> list[Span]:
    """The spans of the trace; none until one of them sent a notification."""
    mine = [span for span in spans() if span.trace_id.hex() == TRACE]
    return mine if any(span.name == "send" for span in mine) else []


def drive(url: str) -> str:
    user = ask(f"{url}/v2/users", {"name": "Tess", "email": "tess@example.com"})["user"]["id"]
    call = {"title": "Is anybody there?", "user_ids": [user], "idempotency_key": "telemetry-test"}
    ask(f"{url}/v2/escalations", call, traceparent=f"00-{TRACE}-{CALLER}-01")
    mine = until("a notification in the trace", paged)
    time.sleep(1.5)
    mine = paged()
    known = {span.span_id.hex(): span for span in mine}
    assert len(known) == len(mine), "two spans have one id"
    hops = 0
    for span in mine:
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
        parent = span.parent_span_id.hex()
        assert parent == CALLER or parent in known, f"{span.name} has an unknown parent: {parent}"
        if span.kind == Span.SPAN_KIND_CONSUMER:
            hops += 1
    (root,) = [span for span in mine if span.parent_span_id.hex() == CALLER]
    assert root.name == "POST /v2/escalations" and root.kind == Span.SPAN_KIND_SERVER, root

    # The sign-in provider is unreachable. The error must have the trace of the request that failed.
    met = f"00-{'ab' * 16}-{CALLER}-01"
    try:
        urllib.request.urlopen(
            urllib.request.Request(f"{url}/sign-in/oidc", headers={"traceparent": met}), timeout=15)
    except urllib.error.HTTPError as refused:
        refused.read()
    errors = until("an error in Sentry", events)
    (error,) = [error for error in errors if error.get("contexts", {}).get("trace", {}).get("trace_id") == "ab" * 16]
    assert error["level"] == "error" and error["release"].startswith("firebell@"), error
    assert error["tags"]["function"] == "local" and error["message"]["formatted"], error
    failed = until("the failed span", lambda: [s for s in spans() if s.trace_id.hex() == "ab" * 16 and s.status.code])
    assert failed[0].status.code == 2, failed
    return f"{len(mine)} spans of one trace over {hops} hops, {len(errors)} errors"


def main(binary: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"127.0.0.1:{server.server_port}"
    environment = {
        **os.environ, "FIREBELL_OTLP_ENDPOINT": f"http://{place}/otlp", "FIREBELL_LOG": "warn",
        "FIREBELL_OTLP_HEADERS": "x-api-key=collectors-key", "FIREBELL_SENTRY_DSN": f"http://sentrys-key@{place}/7",
        "FIREBELL_API_KEY": KEY, "FIREBELL_OIDC_ISSUER": "http://127.0.0.1:9", "FIREBELL_OIDC_CLIENT_ID": "x",
        "FIREBELL_OIDC_CLIENT_SECRET": "x",
    }
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen([binary, "--listen", "127.0.0.1:0", "--data", home], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Firebell is ready at "):
                    break
            url = lines[-1].split()[-1]
            threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True).start()
            said = drive(url)
        except BaseException:
            sys.stderr.writelines(lines)
            raise
        finally:
            process.terminate()
            process.wait(10)
    for _, _, body in taken:
        for secret in SECRETS:
            assert secret.encode() not in body, f"the secret `{secret}` was exported in {body!r}"
    print(f"telemetry: {said}; as OpenTelemetry and Sentry read them")


main(sys.argv[1])
