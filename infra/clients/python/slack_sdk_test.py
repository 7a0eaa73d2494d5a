"""Tests a running Firebell with Slack's SDK. The SDK's verifier signs the requests, its models check the messages, and
the fake Slack reads the wire format of the SDK's client.

    python3 slack_sdk_test.py BINARY          # the `local` binary; needs pip install slack-sdk

Starts Firebell on loopback with the fake Slack of this script as its Slack API, connects a workspace through
`/slack/install` as a browser would, and drives an incident. Ends with `slack: … as expected`.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from slack_sdk import WebClient
from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, HeaderBlock
from slack_sdk.models.views import View
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web import SlackResponse  # noqa: F401  the client below answers with these

SECRET = "a signing secret of no app"
TOKEN = "xoxb-of-no-workspace"
TEAM, BOT, OWNER = "T0JUDGE", "U0BOT", "U0OWNER"
ANNOUNCEMENTS = "C0ANNOUNCE"
KEY = "fb_a_key_of_an_installation_that_does_not_exist"
checks = 0


def expect(truth, what):
    """Counts a check; stops at the first that fails."""
    global checks
    if not truth:
        sys.exit(f"slack: {what}")
    checks += 1


class Fake(BaseHTTPRequestHandler):
    """A fake Slack: keeps all requests."""

    calls, messages, views, answers, channels = [], {}, [], [], {}
    lock = threading.Lock()

    def log_message(self, *_):
        """Logs nothing."""

    def do_POST(self):
        """Answers a call of the Web API, or receives the reply to a command."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/json"):
            arguments = json.loads(body)
        else:
            arguments = dict(urllib.parse.parse_qsl(body, strict_parsing=bool(body)))
        method = self.path.rsplit("/", 1)[-1]
        with self.lock:
            reply = self.reply(method, arguments)
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def reply(self, method, a):
        """The reply that Slack would send."""
        if self.path.startswith("/answer/"):
            self.answers.append(a)
            return {"ok": True}
        # A copy, because an edit changes the message and must not change the recorded call.
        self.calls.append((method, dict(a)))
        authorization = self.headers.get("authorization", "")
        if method == "oauth.v2.access":
            right = authorization.startswith("Basic ") and a.get("code") == "the-code"
            return {
                "ok": right, "error": "invalid_code", "access_token": TOKEN, "bot_user_id": BOT,
                "team": {"id": TEAM, "name": "Judge"}, "incoming_webhook": {"channel_id": ANNOUNCEMENTS},
            }
        if authorization != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        if method == "chat.postMessage":
            ts = f"{int(time.time())}.{len(self.messages):06}"
            self.messages[(a["channel"], ts)] = a
            return {"ok": True, "channel": a["channel"], "ts": ts}
        if method == "chat.update":
            self.messages[(a["channel"], a["ts"])].update(a)
            return {"ok": True, "channel": a["channel"], "ts": a["ts"]}
        if method == "conversations.create":
            if a["name"] in self.channels:
                return {"ok": False, "error": "name_taken"}
            self.channels[a["name"]] = f"C0INC{len(self.channels)}"
            return {"ok": True, "channel": {"id": self.channels[a["name"]], "name": a["name"]}}
        if method == "users.info":
            return {"ok": True, "user": {"id": a["user"], "team_id": TEAM, "profile": {"email": "owner@localhost"}}}
        if method == "users.lookupByEmail":
            known = a["email"] == "owner@localhost"
            return {"ok": known, "error": "users_not_found", "user": {"id": OWNER}}
        if method == "views.open":
            self.views.append(a)
        return {"ok": True, "messages": [], "channels": []}


def until(what, found, seconds=20):
    """Waits until `found` returns a value."""
    end = time.time() + seconds
    while time.time() < end:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    sys.exit(f"slack: after {seconds} s there is no {what}; calls: {[call for call, _ in Fake.calls]}")


def send(port, path, body, kind="application/x-www-form-urlencoded", secret=SECRET, at=None):
    """Sends a request with a signature that Slack's own verifier makes."""
    at = str(int(at or time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    begun = time.time()
    connection.request("POST", path, body, {
        "content-type": kind, "x-slack-request-timestamp": at, "x-slack-signature": signature,
    })
    answer = connection.getresponse()
    text = answer.read().decode()
    expect(time.time() - begun < 3, f"{path} took longer than three seconds")
    return answer.status, text


def get(port, path, cookies=()):
    """Gets a page as a browser would; returns status, cookies, location and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"cookie": "; ".join(cookies), "accept": "text/html"})
    answer = connection.getresponse()
    given = [c.split(";")[0] for c in answer.headers.get_all("set-cookie") or []]
    return answer.status, given, answer.headers.get("location"), answer.read().decode()


def sign_in(port, link):
    """Signs in with the printed link; returns the cookies."""
    path = urllib.parse.urlsplit(link)
    status, given, _, page = get(port, f"{path.path}?{path.query}")
    token = re.search(r'name="token" value="([^"]+)"', page)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/sign-in", urllib.parse.urlencode({"token": token.group(1)}), {
        "content-type": "application/x-www-form-urlencoded", "origin": f"http://127.0.0.1:{port}",
        "cookie": "; ".join(given),
    })
    answer = connection.getresponse()
    answer.read()
    return [c.split(";")[0] for c in answer.headers.get_all("set-cookie") or []]


def connect(port, session):
    """Connects the workspace as an administrator's browser would."""
    status, given, _, page = get(port, "/slack/install", session)
    expect(status == 200, f"/slack/install answered {status}: {page[:300]}")
    link = re.search(r'href="(https://slack\.com/oauth/v2/authorize\?[^"]+)"', page).group(1)
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link.replace("&amp;", "&")).query))
    expect({"client_id", "scope", "redirect_uri", "state"} <= set(asked), f"the link to Slack lacks a parameter: {asked}")
    back = "/slack/oauth?" + urllib.parse.urlencode({"code": "the-code", "state": asked["state"]})
    status, _, _, _ = get(port, back)
    expect(status == 403, f"another browser connected the workspace: {status}")
    status, _, _, page = get(port, back, given)
    expect(status == 200 and "Judge is connected" in page, f"/slack/oauth answered {status}: {page[:300]}")


def command(port, text, trigger):
    """Sends the command `/inc`, as if a person typed it."""
    return send(port, "/slack/command", urllib.parse.urlencode({
        "token": "x", "team_id": TEAM, "channel_id": "C0SOMEWHERE", "user_id": OWNER, "command": "/inc", "text": text,
        "response_url": f"http://127.0.0.1:{fake.server_port}/answer/{trigger}", "trigger_id": trigger,
    }))


def judge_blocks(message):
    """Parses the blocks of a message with the SDK's models, and validates them."""
    blocks = Block.parse_all(message["blocks"])
    expect(len(blocks) == len(message["blocks"]) and None not in blocks, f"the SDK does not know a block: {message['blocks']}")
    for block, sent in zip(blocks, message["blocks"]):
        block.validate_json()
        expect(block.type == sent["type"], f"{block.type} is not {sent['type']}")
    return blocks


def drive(port):
    """Runs an incident from its declaration to its end."""
    status, _ = command(port, "<!channel> the database is down", "1.1")
    expect(status == 200, f"/inc was answered {status}")
    posted = until("announcement", lambda: [m for (c, _), m in list(Fake.messages.items()) if c == ANNOUNCEMENTS])
    announced = posted[0]
    blocks = judge_blocks(announced)
    expect(isinstance(blocks[0], HeaderBlock), "the announcement has no header")
    expect("<!channel>" not in announced["text"], f"the title would ping everybody: {announced['text']}")
    actions = next(block for block in blocks if isinstance(block, ActionsBlock))
    buttons = [element for element in actions.elements if isinstance(element, ButtonElement)]
    expect([b.action_id for b in buttons] == ["update", "resolve"], f"the buttons are {buttons}")
    until("channel", lambda: "inc-1-channel-the-database-is-down" in Fake.channels)
    until("answer", lambda: any("INC-1" in a["text"] for a in Fake.answers))
    until("invitation", lambda: any(call == "conversations.invite" for call, _ in Fake.calls))
    until("link to the channel", lambda: "<#C0INC0>" in json.dumps(announced["blocks"]))
    for message in list(Fake.messages.values()):
        judge_blocks(message)
        expect(message["metadata"]["event_payload"]["mark"], "a message has no mark")

    status, _ = command(port, "", "2.2")
    form = until("form", lambda: Fake.views)[0]
    expect(status == 200 and form["trigger_id"] == "2.2", f"the form was opened with {form['trigger_id']}")
    view = View(**form["view"])
    view.validate_json()
    expect(view.callback_id == "firebell_new", f"the form is {view.callback_id}")

    resolve = next(b for b in buttons if b.action_id == "resolve")
    pressed = json.dumps({
        "type": "block_actions", "team": {"id": TEAM}, "user": {"id": OWNER, "team_id": TEAM},
        "channel": {"id": ANNOUNCEMENTS}, "trigger_id": "3.3", "container": {"type": "message"},
        "response_url": f"http://127.0.0.1:{fake.server_port}/answer/3.3",
        "actions": [{**resolve.to_dict(), "block_id": "incident", "action_ts": "3.3"}],
    })
    status, _ = send(port, "/slack/interaction", urllib.parse.urlencode({"payload": pressed}))
    expect(status == 200, f"the button was answered {status}")
    until("edit without buttons", lambda: "actions" not in [b["type"] for b in announced["blocks"]])
    expect(len([1 for (c, _) in Fake.messages if c == ANNOUNCEMENTS]) == 1, "the announcement was posted again instead of edited")


def refusals(port):
    """Checks that requests with an invalid signature or an old timestamp are rejected."""
    body = urllib.parse.urlencode({"team_id": TEAM, "user_id": OWNER, "trigger_id": "9.9", "text": "x"})
    for secret, at in [("another secret", None), (SECRET, time.time() - 301), (SECRET, time.time() + 302)]:
        status, _ = send(port, "/slack/command", body, secret=secret, at=at)
        expect(status == 401, f"a request with an invalid signature or timestamp was answered {status}")
    challenge = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
    status, text = send(port, "/slack/event", challenge, kind="application/json")
    expect((status, json.loads(text)) == (200, {"challenge": "abc"}), f"the challenge was answered {status} {text}")


def same_wire():
    """Checks that the fake receives the same request from the SDK's client as from Firebell."""
    client = WebClient(token=TOKEN, base_url=f"http://127.0.0.1:{fake.server_port}/api/")
    ours = next(a for call, a in Fake.calls if call == "chat.postMessage")
    answer = client.chat_postMessage(channel="C0SDK", text=ours["text"], blocks=ours["blocks"], metadata=ours["metadata"],
                                     unfurl_links=False, unfurl_media=False)
    expect(answer["ok"], "the SDK's client was refused")
    theirs = Fake.messages[("C0SDK", answer["ts"])]
    expect(set(ours) == set(theirs) and ours["blocks"] == theirs["blocks"], f"{set(ours)} is not {set(theirs)}")


def main(binary):
    """Starts Firebell and runs all checks."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ, "FIREBELL_SLACK_API_URL": f"http://127.0.0.1:{fake.server_port}/api",
            "FIREBELL_SLACK_SIGNING_SECRET": SECRET, "FIREBELL_SLACK_CLIENT_ID": "1.2", "FIREBELL_LOG": "warn",
            "FIREBELL_SLACK_CLIENT_SECRET": "a client secret of no app", "FIREBELL_API_KEY": KEY,
        }
        process = subprocess.Popen([binary, "--listen", "127.0.0.1:0", "--data", home], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Firebell is ready at "):
                    break
            port = int(lines[-1].rsplit(":", 1)[1])
            link = next(line.strip() for line in lines if "/sign-in" in line)
            # Keep reading the log, because the program would block on a full pipe.
            threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True).start()
            refusals(port)
            connect(port, sign_in(port, link))
            drive(port)
            same_wire()
        finally:
            process.terminate()
            process.wait(10)
    print(f"slack: {checks} checks, {len(Fake.calls)} calls as expected")


if __name__ == "__main__":
    fake = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    threading.Thread(target=fake.serve_forever, daemon=True).start()
    main(sys.argv[1])
