"""jarshy beside the WordPress of a test: `jarshy serve` with settings that name it."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

import daemon
import servers
from daemon import Broken, binary, environment, until  # noqa: F401 (scenarios take them from here)

SETTINGS = """\
[site]
title = "Түркістан — Туркестан: новости области"
url = "{site}"
origins = ["{site}"]
language = "ru"
time_zone = "Asia/Almaty"

[public]
listen = "{public}"
url = "http://{public}"

[ops]
listen = "{ops}"

[store]
data = "{data}"

[feeds_auto]
sections = true
languages = true
articles_min = 1

[[feeds]]
slug = "news"
title = "Новости"
language = "mixed"
entries = 100
"""


class Jarshy(daemon.Daemon):
    """One `jarshy serve` on a folder, for one site; `more` are further settings."""

    def __init__(self, folder, site, more=""):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "data", folder / "jarshy.log")
        self.settings = folder / "jarshy.toml"
        self.site = site
        self.address = f"127.0.0.1:{servers.free_port()}"
        self.ops_address = f"127.0.0.1:{servers.free_port()}"
        self.url = f"http://{self.address}"
        self.configure(more)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.end(signal.SIGTERM)

    def configure(self, more):
        self.settings.write_text(SETTINGS.format(
            site=self.site.url, public=self.address, ops=self.ops_address, data=self.data) + more)

    def command(self):
        return [binary(), "serve", "--config", self.settings]

    def take_token(self, begins):
        return self.token or re.search(
            r"jsy_[A-Za-z0-9]+_[A-Za-z0-9]+", self.cli("token", "create", "--scope", "admin"))[0]

    def post_ops(self, path, method="POST"):
        return daemon.ask(self.ops, method, path, headers={"Authorization": f"Bearer {self.token}"})

    def cli(self, *arguments, code=0):
        """Runs another command with the same settings; returns what it prints."""
        done = subprocess.run([binary(), *arguments, "--config", self.settings], env=environment(),
                              capture_output=True, text=True)
        if done.returncode != code:
            raise Broken(f"jarshy {' '.join(map(str, arguments))} ended with {done.returncode}: "
                         f"{done.stdout[-800:]}{done.stderr[-1200:]}")
        return done.stdout + done.stderr

    def reload(self, more):
        self.configure(more)
        self.process.send_signal(signal.SIGHUP)

    def article(self, article):
        """The article as the API tells it, or nothing where there is none."""
        status, _, body = self.get_ops(f"/api/v1/articles/{article}")
        if status == 404:
            return None
        if status != 200:
            raise Broken(f"GET of article {article}: {status} {body[:300]!r}")
        return json.loads(body)

    def items(self, feed="news"):
        """The feed's items by id, as JSON Feed has them."""
        return {item["id"]: item for item in self.json(f"/feeds/{feed}.json")["items"]}

    def titles(self, feed="news"):
        return [item["title"] for item in self.items(feed).values()]

    def counted(self, article):
        status, _, body = self.get(f"/count/{article}.json")
        return json.loads(body)["counted"] if status == 200 else 0

    def verdicts(self):
        """Hits so far by verdict, without those that never came."""
        return {name: n for name, n in self.series("jarshy_hit_verdicts_total", "verdict").items() if n}

    def series(self, metric, label):
        """The metric's sums by one of its labels."""
        _, _, body = self.get_ops("/metrics")
        found = re.findall(rf'^{metric}\{{[^}}]*{label}="([^"]*)"[^}}]*\}} (\S+)$', body.decode(), re.M)
        sums = {}
        for name, value in found:
            sums[name] = sums.get(name, 0) + float(value)
        return sums

    def words(self):
        """What it has logged lately, for a failure's message."""
        return self.log.read_text(errors="replace")[-1500:]


def is_equal(told, wanted, where=""):
    if told != wanted:
        raise Broken(f"{where}{': ' if where else ''}{told!r}, not {wanted!r}"[:3000])
