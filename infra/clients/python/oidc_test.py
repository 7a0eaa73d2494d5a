#!/usr/bin/env python3
"""Tests sign-in with an independent OpenID Connect provider: the package oidc-provider-mock.

Usage: oidc_test.py path/to/local.
"""

import base64
import hashlib
import http.cookiejar
import io
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

import oidc_provider_mock

OWNER = "olive@example.com"
checks = 0


def expect(holds: bool, what: object) -> None:
    global checks
    checks += 1
    assert holds, what


class Proof:
    """Middleware that verifies PKCE, because the provider does not verify it itself."""

    def __init__(self, app) -> None:
        self.app, self.challenges, self.proved = app, set(), 0

    def __call__(self, environ: dict, start_response):
        if environ["PATH_INFO"] == "/oauth2/authorize":
            asked = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"]))
            self.challenges.add(asked["code_challenge"])
        if environ["PATH_INFO"] == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
            verifier = dict(urllib.parse.parse_qsl(body.decode()))["code_verifier"]
            proof = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
            if proof not in self.challenges or not 43 <= len(verifier) <= 128:
                start_response("400 Bad Request", [])
                return [b"{}"]
            self.challenges.remove(proof)
            self.proved += 1
        return self.app(environ, start_response)


class Browser:
    """Keeps cookies, and does not follow redirects by itself."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    def __init__(self) -> None:
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), self.Stay)

    def ask(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            answer = self.opener.open(urllib.request.Request(url, data=data), timeout=15)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            place = urllib.parse.urljoin(url, answer.headers.get("location") or "")
            return answer.status, place, answer.read().decode()


def to_provider(browser: Browser, url: str) -> str:
    """The URL of the provider where a person signs in."""
    status, place, body = browser.ask(f"{url}/sign-in/oidc")
    # Firebell may answer with a page that contains the link, because a redirect would lose the cookie.
    if status == 200:
        place = re.search(r'href="([^"]+)"', body).group(1).replace("&amp;", "&")
    return place


def came_back(browser: Browser, place: str, subject: str) -> str:
    """Signs in at the provider, and returns the URL to which it redirects the browser."""
    status, back, body = browser.ask(place, {"sub": subject})
    expect(status in (302, 303), f"the provider answered {status}: {body[:300]}")
    return back


def signed_in(browser: Browser, url: str) -> bool:
    status, _, _ = browser.ask(f"{url}/incidents")
    return status == 200


def drive(url: str, provider: str) -> None:
    person = Browser()
    expect(not signed_in(person, url), "a new browser is signed in")
    place = to_provider(person, url)
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(place).query))
    expect(place.startswith(provider), place)
    expect(asked["response_type"] == "code" and asked["code_challenge_method"] == "S256", asked)
    expect(len(asked["nonce"]) >= 20 and len(asked["state"]) >= 20, asked)
    back = came_back(person, place, OWNER)
    expect(back.startswith(f"{url}/sign-in/oidc/callback?"), back)
    thief = Browser()
    status, _, _ = thief.ask(back)
    expect(not signed_in(thief, url), f"another browser used the callback URL: {status}")
    person.ask(back)
    expect(signed_in(person, url), "the owner is not signed in")
    again = Browser()
    again.ask(back)
    expect(not signed_in(again, url), "the callback URL worked twice")

    for subject, why in [("stranger@example.com", "not a user"), ("unverified@example.com", "not verified")]:
        somebody = Browser()
        back = came_back(somebody, to_provider(somebody, url), subject)
        somebody.ask(back)
        expect(not signed_in(somebody, url), f"{subject} is signed in: {why}")
    other = Browser()
    back = came_back(other, to_provider(other, url), OWNER)
    other.ask(re.sub(r"state=[^&]+", "state=" + "A" * 43, back))
    expect(not signed_in(other, url), "a wrong state was accepted")


def user(sub: str, verified: bool) -> oidc_provider_mock.User:
    return oidc_provider_mock.User(sub=sub, claims={"email": sub, "email_verified": verified})


def main(binary: str) -> None:
    users = [user(OWNER, True), user("stranger@example.com", True), user("unverified@example.com", False)]
    with oidc_provider_mock.run_server_in_thread(user_claims=users) as server, tempfile.TemporaryDirectory() as home:
        proof = server.app = Proof(server.app)
        provider = f"http://localhost:{server.server_port}"
        environment = {
            **os.environ, "FIREBELL_OIDC_ISSUER": provider, "FIREBELL_OIDC_CLIENT_ID": "firebell",
            "FIREBELL_OIDC_CLIENT_SECRET": "a secret: with/odd+signs", "FIREBELL_OWNER_EMAIL": OWNER,
            "FIREBELL_LOG": "warn",
        }
        process = subprocess.Popen([binary, "--listen", "127.0.0.1:0", "--data", home], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = []
        try:
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Firebell is ready at "):
                    break
            threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True).start()
            drive(lines[-1].split()[-1], provider)
            expect(proof.proved >= 3, f"only {proof.proved} codes had a valid PKCE verifier")
        except BaseException:
            sys.stderr.writelines(lines)
            raise
        finally:
            process.terminate()
            process.wait(10)
    print(f"oidc: {checks} checks, with an independent provider")


main(sys.argv[1])
