"""A daemon run as an installed one is, `jarshy serve` with a settings file, behind whatever a test puts
in front of it. It believes one proxy, 127.0.0.1; visitors come from other addresses of the loopback.
"""

import http.client
import socket
import ssl
import subprocess
from pathlib import Path

from daemon import Broken, Daemon, ask, binary, environment, until

SETTINGS = """
[site]
title = "Newsroom"
url = "https://news.example"
language = "ru"
time_zone = "Asia/Almaty"
[public]
listen = "127.0.0.1:{port}"
url = "https://feeds.news.example"
trusted_proxies = ["127.0.0.1/32"]
[ops]
listen = "127.0.0.1:0"
[store]
data = "{data}"
[[feeds]]
slug = "news"
title = "Новости"
language = "mixed"
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Newsroom(Daemon):
    """Started again it is at the same address, as behind a proxy it must be."""

    def __init__(self, folder, more=""):
        self.folder = Path(folder)
        super().__init__(self.folder / "data", self.folder / "jarshy.log")
        self.data.mkdir()
        self.port = free_port()
        self.settings = self.folder / "jarshy.toml"
        self.settings.write_text(SETTINGS.format(port=self.port, data=self.data) + more)

    def start(self):
        where = self.data / "daemon.json"
        where.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([binary(), "serve", "--config", self.settings],
                                            stdout=log, stderr=log, env=environment())
        until("the daemon says where it is", 60, lambda: self.says_where(where))
        until("the daemon is ready", 60, lambda: self.alive() and self.get_ops("/readyz")[0] == 200)
        if not self.token:
            self.token = self.command("token", "create", "--scope", "admin").strip()

    def command(self, *words):
        done = subprocess.run([binary(), *words, "--config", self.settings], capture_output=True,
                              text=True, env=environment())
        if done.returncode != 0:
            raise Broken(f"jarshy {' '.join(words)}: {done.stderr}")
        return done.stdout

    def publish(self, count=30):
        """Articles, with enough text that compressing them is worth it."""
        for n in range(count):
            told = self.put(f"a-{n}", {
                "title": f"Статья {n}", "url": f"https://news.example/{n}/", "sections": ["Спорт"],
                "body_html": "<p>Жаңалық, әңгіме, новость.</p>" * 40,
                "published_at": f"2026-01-02T03:{n:02}:00Z"})
            if told[0] not in (200, 201):
                raise Broken(f"PUT a-{n}: {told[0]} {told[2][:200]!r}")
        newest = f"Статья {count - 1}".encode()
        until("the articles are in the feed", 30, lambda: newest in self.get("/feeds/news.rss")[2])


class Visitor:
    """Somebody in front of a proxy, at an address of their own."""

    def __init__(self, port, source, host="feeds.news.example", tls=False):
        self.port, self.source, self.host, self.tls = port, source, host, tls

    def ask(self, method, path, body=None, **headers):
        """Status, headers in lower case, body; names of headers are written with underscores."""
        kind, more = http.client.HTTPConnection, {}
        if self.tls:
            kind, more = http.client.HTTPSConnection, {"context": ssl._create_unverified_context()}
        connection = kind("127.0.0.1", self.port, timeout=20, source_address=(self.source, 0), **more)
        headers = {"Host": self.host, **{k.replace("_", "-"): v for k, v in headers.items()}}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read()
        finally:
            connection.close()
