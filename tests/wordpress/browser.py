"""A headless Chromium, driven through chromedriver by WebDriver (https://www.w3.org/TR/webdriver2/).

It reaches loopback alone, says that it is an ordinary Chrome (a headless one is a bot, rightly), and
has a profile of its own in a folder that goes with the test.
"""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import servers
from servers import Missing


class Refused(Exception):
    """What WebDriver says it could not do."""


class Browser:
    """`with Browser(folder) as browser:`; scripts can be off, as a reader may have them."""

    def __init__(self, folder, scripts=True, language="ru"):
        self.folder, self.scripts, self.language = Path(folder), scripts, language
        self.driver = self.session = self.port = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def start(self):
        driver, chromium = servers.program("chromedriver"), servers.program("chromium")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        servers.give(self.folder)
        said = self.folder / "chromedriver.log"
        environment = {"PATH": servers.PATH, "HOME": str(self.folder), "LANG": "C.UTF-8",
                       "TMPDIR": str(self.folder), "XDG_CONFIG_HOME": str(self.folder),
                       "XDG_CACHE_HOME": str(self.folder)}
        with open(said, "wb") as log:
            self.driver = subprocess.Popen(
                [driver, "--port=0"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env=environment, start_new_session=True,
                preexec_fn=servers.end_with_parent, **servers.user())
        end = time.monotonic() + 60
        while not self.port:
            found = re.search(r"started successfully on port (\d+)", said.read_text(errors="replace"))
            self.port = int(found[1]) if found else None
            if self.driver.poll() is not None or time.monotonic() > end:
                raise Missing(f"chromedriver did not start: {said.read_text(errors='replace')[-800:]}")
            time.sleep(0.02)
        self.session = self.command("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": self.options(chromium)}}})["sessionId"]
        return self

    def options(self, chromium):
        version = subprocess.run([chromium, "--version"], capture_output=True, text=True,
                                 env={**os.environ, "HOME": str(self.folder)}, **servers.user()).stdout
        major = re.search(r"(\d+)\.", version)[1]
        prefs = {} if self.scripts else {"profile.managed_default_content_settings.javascript": 2}
        return {"binary": chromium, "prefs": prefs, "args": [
            "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1100,900",
            # Containers often forbid the namespaces that it is made of; all pages are our own.
            "--no-sandbox",
            f"--user-data-dir={self.folder}/profile", f"--lang={self.language}",
            f"--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{major}.0.0.0 Safari/537.36",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]}

    def stop(self):
        if self.session:
            try:
                self.command("DELETE", f"/session/{self.session}")
            except (Refused, OSError, http.client.HTTPException):
                pass
            self.session = None
        if self.driver:
            # It and the browsers it started are one group.
            try:
                os.killpg(self.driver.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
            self.driver.wait(20)
            self.driver = None

    # WebDriver

    def command(self, method, path, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            body = json.dumps(fields or {}).encode() if method == "POST" else None
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise Refused(f"{answer['error']}: {answer['message'][:400]}")
        return answer

    def ask(self, method, path, fields=None):
        return self.command(method, f"/session/{self.session}{path}", fields)

    def open(self, url):
        """Returns when the page's load event has fired."""
        self.ask("POST", "/url", {"url": url})

    def back(self):
        self.ask("POST", "/back")

    def reload(self):
        self.ask("POST", "/refresh")

    def url(self):
        return self.ask("GET", "/url")

    def run(self, script, *arguments):
        """Runs a function's body in the page; returns what it returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector):
        """Texts of the elements as a reader sees them, also where scripts are off."""
        found = self.ask("POST", "/elements", {"using": "css selector", "value": selector})
        return [self.ask("GET", f"/element/{next(iter(one.values()))}/text") for one in found]

    def click(self, selector):
        found = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        self.ask("POST", f"/element/{next(iter(found.values()))}/click", {})

    def console(self):
        """What the console has been told since it was asked last: (level, text)."""
        return [(line["level"], line["message"]) for line in self.ask("POST", "/se/log", {"type": "browser"})]

    def devtools(self, name, **given):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": name, "params": given})

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def new_tab(self):
        made = self.ask("POST", "/window/new", {"type": "tab"})["handle"]
        self.ask("POST", "/window", {"handle": made})
        return made
