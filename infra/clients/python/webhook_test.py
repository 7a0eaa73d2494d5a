#!/usr/bin/env python3
"""Tests notifications by webhook: Svix's own library verifies their signatures.

Usage: webhook_test.py URL API_KEY. The installation must allow webhooks to its own machine.
"""

import json
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from svix.webhooks import Webhook, WebhookVerificationError

URL, API_KEY = sys.argv[1], sys.argv[2]
taken: list[tuple[dict[str, str], bytes]] = []


class Program(BaseHTTPRequestHandler):
    """Refuses the first delivery, and accepts all others."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(503 if len(taken) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def api(method: str, path: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}{path}", data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def until(what: str, holds, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def refused(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


def main() -> None:
    server = HTTPServer(("127.0.0.1", 0), Program)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/pages"

    user = api("POST", "/v2/users", {"name": "Wren Webhook", "email": "wren@example.com"})["user"]["id"]
    methods = f"/v2/users/{user}/notification_methods"
    method = api("POST", methods, {"method_type": "webhook", "address": address})["notification_method"]
    secret = method["secret"]
    assert "secret" not in json.dumps(api("GET", methods)), "the secret is shown again"
    rule = {"rule_type": "high_urgency", "method_type": "webhook", "delay_seconds": 0}
    rule["method_target"] = {"type": "specific", "specific": {"id": method["id"]}}
    api("PUT", f"/v2/users/{user}/notification_rules", {"notification_rules": [rule]})
    title = "Paged by webhook: ünïcode and \"quotes\" 🔥"
    made = api("POST", "/v2/escalations", {"title": title, "user_ids": [user], "idempotency_key": "webhook-test"})
    escalation = made["escalation"]["id"]

    until("a delivery that is repeated", lambda: len(taken) == 2)
    webhook = Webhook(secret)
    for headers, body in taken:
        webhook.verify(body, headers)
        told = json.loads(body)
        assert told["data"]["title"] == title, told
        assert told["data"]["escalation_id"] == escalation, told
        assert refused(webhook, body + b" ", headers), "a changed body was verified"
        assert refused(webhook, body, {**headers, "webhook-id": "page_other"}), "a changed id was verified"
        assert refused(Webhook("whsec_" + "A" * 32), body, headers), "another secret verified"
    ids = {headers["webhook-id"] for headers, _ in taken}
    assert len(ids) == 1, f"attempts of one notification have several ids: {ids}"
    paused = int(taken[1][0]["webhook-timestamp"]) - int(taken[0][0]["webhook-timestamp"])

    link = json.loads(taken[1][1])["data"]["acknowledge_url"]
    with urllib.request.urlopen(link, timeout=10) as page:
        assert page.status == 200, page.status
    time.sleep(3)
    assert len(taken) == 2, f"an accepted notification was sent again: {len(taken)} deliveries"
    print(f"webhook: svix verified {len(taken)} deliveries of one notification, the second after {paused} s; "
          "three forgeries of each were refused")


main()
