"""The daemon under faults: start it on a data folder, talk to it, end it, and hold it to its word.

What a client was told is kept in a `Ledger`; after every fault the daemon is compared with it. A 2xx
must have been kept. Anything else that may have arrived (a lost response, a 503) is unknown: it may
have been kept or not, but never twice. What is unknown of a hit with an Idempotency-Key becomes known:
it is sent again, and counts once whatever became of it before.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SKIPPED = 77


class Broken(Exception):
    """A promise that was not kept."""


def binary():
    """The build to try: $JARSHY, or what `cargo test` has built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("JARSHY", target / "debug" / "jarshy"))
    if not path.exists():
        sys.exit(f"{path} is missing: run `cargo build` first, or name a build in $JARSHY")
    return path


def until(what, seconds, done):
    """Asks every 20 ms; after so many seconds the promise counts as broken."""
    end = time.monotonic() + seconds
    while True:
        answer = done()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Broken(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Daemon:
    """One `jarshy demo` on a folder; started again on it, it goes on where it was."""

    def __init__(self, data, log):
        self.data, self.log = Path(data), Path(log)
        self.process, self.token, self.public, self.ops = None, None, None, None

    def start(self):
        # A killed daemon leaves it behind, with addresses that are gone.
        where = self.data / "daemon.json"
        where.unlink(missing_ok=True)
        begins = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=environment())
        until("the daemon says where it is", 60, lambda: self.says_where(where))
        until("the daemon is ready", 60, lambda: self.alive() and self.get_ops("/readyz")[0] == 200)
        self.token = self.take_token(begins)

    def command(self):
        listen = ["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]
        return [binary(), "demo", "--data", self.data, *listen]

    def take_token(self, begins):
        return until("the demo prints a token", 60, lambda: self.said_token(begins))

    def said_token(self, begins):
        self.alive()
        said = self.log.read_bytes()[begins:].decode(errors="replace")
        found = re.search(r"jsy_[A-Za-z0-9]+_[A-Za-z0-9]+(?=\s)", said)
        return found and found[0]

    def says_where(self, path):
        self.alive()
        try:
            told = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        self.public, self.ops = told["public"], told["ops"]
        return True

    def alive(self):
        if self.process.poll() is not None:
            end = self.log.read_text(errors="replace")[-600:]
            raise Broken(f"the daemon ended by itself ({self.process.returncode}): {end}")
        return True

    def end(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        return self.process.wait(60)

    def get(self, path):
        return ask(self.public, "GET", path)

    def get_ops(self, path):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return ask(self.ops, "GET", path, headers=headers)

    def json(self, path, ops=False):
        status, _, body = self.get_ops(path) if ops else self.get(path)
        if status != 200:
            raise Broken(f"GET {path}: {status} {body[:200]!r}")
        return json.loads(body)

    def put(self, article, fields, connection=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = json.dumps(fields).encode()
        return ask(self.ops, "PUT", f"/api/v1/articles/{article}", body, headers, connection)

    def hit(self, article, address, connection=None, key=None):
        """A view from a browser nobody has seen before; loopback is a trusted proxy by default."""
        headers = {"User-Agent": BROWSER, "X-Forwarded-For": address, "Content-Length": "0"}
        if key:
            headers["Idempotency-Key"] = key
        return ask(self.public, "POST", f"/v/{article}", b"", headers, connection)


def environment():
    """No setting from outside changes what is tried."""
    return {key: value for key, value in os.environ.items() if not key.startswith("JARSHY_")}


def ask(host, method, path, body=None, headers=None, connection=None):
    """Status, headers in lower case, body. Raises OSError or HTTPException where none came."""
    own = connection or http.client.HTTPConnection(host, timeout=20)
    try:
        own.request(method, path, body, headers or {})
        response = own.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return response.status, told, response.read()
    finally:
        if connection is None:
            own.close()


class Ledger:
    """What clients were told, by article."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = {}  # article -> newest version that was acknowledged
        self.tried = {}         # article -> newest version that was sent
        self.floor = {}         # article -> counted views that were seen to be kept
        self.counted = {}       # article -> verdicts "counted" since
        self.unknown = {}       # article -> hits without a known outcome since
        self.keyed = []         # article, address and key of hits that may be sent again
        self.revision = 0
        self.visitors = 0
        self.publishes = self.views = self.refused = self.replays = 0

    def visitor(self):
        """An address of its own for each hit, so that none is a repeat."""
        with self.lock:
            self.visitors += 1
            n = self.visitors
        return f"20.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"

    def publish(self, daemon, article, padding="", connection=None):
        """Sends the article's next version; returns the answer."""
        with self.lock:
            version = self.tried[article] = self.tried.get(article, 0) + 1
        status, headers, body = daemon.put(article, fields(article, version, padding), connection)
        if status in (200, 201):
            with self.lock:
                self.acknowledged[article] = version
                self.publishes += 1
        elif status not in (503, 507):
            raise Broken(f"PUT {article}: {status} {body[:300]!r}")
        return status, headers, body

    def hit(self, daemon, article, connection=None):
        """Sends a hit; returns the status. Whatever is not answered is unknown."""
        outcome = "unknown"
        address = self.visitor()
        # Every other visitor's client has a key for its hit: its address is as good as any.
        key = address if int(address.rsplit(".", 1)[1]) % 2 else None
        try:
            status, headers, body = daemon.hit(article, address, connection, key)
            if status == 204:
                outcome = headers.get("jarshy-view")
                if outcome != "counted":
                    raise Broken(f"a new visitor's hit on {article} is {outcome}")
            elif status != 503:
                raise Broken(f"POST /v/{article}: {status} {body[:300]!r}")
            return status
        except ConnectionRefusedError:
            outcome = None  # never sent
            raise
        finally:
            with self.lock:
                if outcome == "counted":
                    self.counted[article] = self.counted.get(article, 0) + 1
                    self.views += 1
                    if key and self.views % 10 == 0:
                        self.keyed.append((article, address, key, True))
                elif outcome == "unknown" and key:
                    self.keyed.append((article, address, key, False))
                elif outcome == "unknown":
                    self.unknown[article] = self.unknown.get(article, 0) + 1
                    self.refused += 1

    def check(self, daemon):
        """Holds the daemon to everything that was acknowledged."""
        versions = self.check_articles(daemon)
        self.check_feed(daemon, versions)
        self.check_changes(daemon, versions)
        self.replay(daemon)
        self.check_counts(daemon)

    def replay(self, daemon):
        """Sends hits again with their keys: each is counted, and has counted once."""
        for article, address, key, acknowledged in self.keyed:
            status, headers, _ = daemon.hit(article, address, key=key)
            if (status, headers.get("jarshy-view")) != (204, "counted"):
                raise Broken(f"the replay of a hit on {article} is {status} {headers}")
            if not acknowledged:
                self.counted[article] = self.counted.get(article, 0) + 1
            self.replays += 1
        self.keyed.clear()

    def check_articles(self, daemon):
        versions = {}
        for article, tried in self.tried.items():
            kept = self.acknowledged.get(article, 0)
            status, _, body = daemon.get_ops(f"/api/v1/articles/{article}")
            if status not in (200, 404):
                raise Broken(f"GET of article {article}: {status} {body[:200]!r}")
            version = version_of(json.loads(body)["title"]) if status == 200 else 0
            if not kept <= version <= tried:
                raise Broken(f"{article}: version {kept} acknowledged, {tried} sent, {version} kept")
            if version:
                versions[article] = version
                self.acknowledged[article] = version
        return versions

    def check_feed(self, daemon, versions):
        """Publishing follows the store: the feed shows what is kept, soon."""
        wrong = {}

        def shown():
            items = daemon.json("/feeds/news.json")["items"]
            seen = {item["url"]: version_of(item["title"]) for item in items}
            wrong.clear()
            for article, version in versions.items():
                if seen.get(url(article)) != version:
                    wrong[article] = (version, seen.get(url(article)))
            return not wrong

        try:
            until("the feed shows every article", 20, shown)
        except Broken as broken:
            raise Broken(f"{broken}; (kept, shown): {dict(list(wrong.items())[:5])}") from None

    def check_changes(self, daemon, versions):
        revisions, newest, since = [], {}, 0
        while True:
            page = daemon.json(f"/api/v1/changes?since={since}&limit=200", ops=True)
            for change in page["changes"]:
                revisions.append(change["revision"])
                newest[change["id"]] = change
            if page["next"] == since or not page["changes"]:
                break
            since = page["next"]
        if any(b <= a for a, b in zip(revisions, revisions[1:])):
            raise Broken("revisions do not grow strictly in /api/v1/changes")
        if revisions and revisions[-1] < self.revision:
            raise Broken(f"revision {self.revision} was seen, now {revisions[-1]} is the newest")
        self.revision = revisions[-1] if revisions else 0
        for article, version in versions.items():
            change = newest.get(article)
            if not change or version_of(change["article"]["title"]) != version:
                raise Broken(f"{article}: version {version} is not in /api/v1/changes")

    def check_counts(self, daemon):
        total = 0
        for article in set(self.floor) | set(self.counted) | set(self.unknown):
            counted = daemon.json(f"/count/{article}.json")["counted"]
            least = self.floor.get(article, 0) + self.counted.get(article, 0)
            most = least + self.unknown.get(article, 0)
            if not least <= counted <= most:
                raise Broken(f"{article}: {least} to {most} views expected, {counted} counted")
            self.floor[article] = counted
            total += counted
        self.counted.clear()
        self.unknown.clear()
        series = metric_sum(daemon, "jarshy_article_views_total")
        if series != total:
            raise Broken(f"jarshy_article_views_total is {series}, the articles have {total}")


def metric_sum(daemon, name):
    status, _, body = daemon.get_ops("/metrics")
    if status != 200:
        raise Broken(f"GET /metrics: {status}")
    lines = [line for line in body.decode().splitlines() if line.startswith(name + "{")]
    if not lines:
        raise Broken(f"{name} is not in /metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


STARTED = time.time()


def fields(article, version, padding):
    """An article that says which version it is; the newest of all, so that feeds show it."""
    published = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(STARTED))
    return {
        "title": f"Faults: {article} version {version}",
        "url": url(article),
        "body_html": f"<p>Version {version} of «{article}», әңгіме.</p>{padding}",
        "language": "ru",
        "sections": ["Общество"],
        "published_at": published,
    }


def url(article):
    return f"https://turkestan.example/faults/{article}/"


def version_of(title):
    word = title.rsplit(" ", 1)[-1]
    return int(word) if title.startswith("Faults: ") else None
