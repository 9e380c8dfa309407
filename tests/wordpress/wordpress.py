"""A real WordPress in a private folder: started, filled, edited and stopped by the tests.

Started again on the same folder it goes on where it was. It reaches nothing but loopback.
"""

import base64
import fcntl
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import export
import servers
from servers import Missing

HERE = Path(__file__).resolve().parent
PHP = HERE / "php"
PLUGIN = HERE.parents[1] / "deploy" / "wordpress" / "jarshy-views.php"
WORDPRESS = Path("/usr/share/wordpress")
LANGUAGE = "ru_RU"
THEME = "twentytwentythree"
PASSWORD = "only-on-loopback"
# What is needed beside programs, and the Debian package it comes from.
FILES = {
    WORDPRESS / "wp-load.php": "wordpress",
    WORDPRESS / "wp-content" / "themes" / THEME: "wordpress-theme-twentytwentythree",
    WORDPRESS / "wp-content" / "languages" / f"{LANGUAGE}.mo": "wordpress-l10n",
}
OPTIONS = {
    "timezone_string": "Asia/Almaty", "blogdescription": "Облыстық ақпарат порталы",
    "show_avatars": 0, "ping_sites": "", "default_ping_status": "closed",
    "default_pingback_flag": 0, "close_comments_for_old_posts": 0, "comments_notify": 0,
}


class Site:
    """`with Site(folder) as site:` is a WordPress that runs; its front page is `site.url`."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.www = self.folder / "www"
        self.servers = servers.Servers(self.folder)
        self.url = self.port = self.nginx = self.version = None
        self.lock = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    # Start and stop

    def start(self):
        check_programs()
        self.lay()
        servers.mariadb(self.servers)
        self.create_database()
        servers.php_fpm(self.servers)
        self.nginx = servers.nginx(self.servers, self.port, self.www)
        self.version = self.php(
            (PHP / "install.php").read_text(), installing=True, password=PASSWORD,
            language=LANGUAGE, theme=THEME, options=OPTIONS)["version"]
        return self

    def stop(self):
        self.servers.stop()
        if self.lock:
            self.lock.close()
            self.lock = None

    def lay(self):
        """The files, in a folder that is the servers' own. A port once taken stays the site's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").mkdir(exist_ok=True)
        for path in (self.folder, self.folder / "tmp"):
            servers.give(path)
        os.chmod(self.folder, 0o700)
        self.take()
        told = self.folder / "url"
        if not told.exists():
            told.write_text(f"http://127.0.0.1:{servers.free_port()}")
        self.url = told.read_text()
        self.port = urllib.parse.urlsplit(self.url).port
        if not self.www.exists():
            self.copy_wordpress()
        shutil.copy(PHP / "wp-config.php", self.www / "wp-config.php")
        shutil.copy(PHP / "quiet.php", self.www / "wp-content" / "mu-plugins" / "quiet.php")

    def take(self):
        """One at a time in a folder."""
        self.lock = open(self.folder / "lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.close()
            self.lock = None
            raise Missing(f"another WordPress runs in {self.folder}: stop it, or name another folder") from None

    def copy_wordpress(self):
        """A copy: PHP follows links, and would end in the system's own settings."""
        skip = shutil.ignore_patterns("languages", "wp-config.php", "readme.html", ".htaccess", "akismet")
        fresh = self.folder / "www.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(WORDPRESS, fresh, ignore=skip, ignore_dangling_symlinks=True)
        content = fresh / "wp-content"
        for name in ("languages", "mu-plugins", "uploads"):
            (content / name).mkdir(exist_ok=True)
        servers.give(content / "uploads")
        for path in (WORDPRESS / "wp-content" / "languages").glob(f"*{LANGUAGE}*"):
            shutil.copy(path, content / "languages")
        fresh.rename(self.www)

    def create_database(self):
        code = ("mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);"
                "(new mysqli('localhost', 'root', '', '', 0, $argv[1]))"
                "->query('CREATE DATABASE IF NOT EXISTS wordpress');")
        subprocess.run([servers.program("php"), "-r", code, self.folder / "mysql.sock"],
                       check=True, **servers.user())

    # What an editor or an administrator does

    def php(self, code, installing=False, **given):
        """Runs PHP inside WordPress as its administrator, with `$given`; returns what it returns."""
        asked = {"www": str(self.www), "host": f"127.0.0.1:{self.port}", "code": code,
                 "given": given, "installing": installing}
        done = subprocess.run(
            [servers.program("php"), "-d", "log_errors=0", PHP / "run.php"], cwd=self.folder,
            input=json.dumps(asked).encode(), capture_output=True, **servers.user())
        if done.returncode:
            raise RuntimeError(f"PHP failed: {(done.stderr or done.stdout).decode(errors='replace')[-2000:]}")
        return json.loads(done.stdout)

    def publish(self, title, body, **fields):
        """A published post; returns its id. Fields are wp_insert_post's, and `sections`, `tags` by
        name, `author` by login."""
        return self.php(SAVE, post={"post_title": title, "post_content": body,
                                    "post_status": "publish", **fields})

    def update(self, post, **fields):
        return self.php(SAVE, post={"ID": post, **fields})

    def schedule(self, title, body, in_seconds, **fields):
        """A post that WordPress is to publish by itself (its cron needs hits for that)."""
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + in_seconds))
        return self.publish(title, body, post_status="future", post_date_gmt=at, **fields)

    def trash(self, post):
        return self.php("return (bool) wp_trash_post($given['post']);", post=post)

    def unpublish(self, post):
        return self.update(post, post_status="draft")

    def protect(self, post, password):
        return self.update(post, post_password=password)

    def status(self, post):
        return self.php("return get_post_status($given['post']);", post=post)

    def permalink(self, post):
        return self.php("return get_permalink($given['post']);", post=post)

    def section_url(self, name):
        """A category's page; its feed is below it."""
        return self.php("return get_term_link(get_term_by('name', $given['name'], 'category'));", name=name)

    def set_option(self, name, value):
        return self.php("return update_option($given['name'], $given['value']);", name=name, value=value)

    def add_user(self, login, role="editor", name=None):
        return self.php(
            "$id = username_exists($given['login']) ?: wp_insert_user(array('user_login' => $given['login'],"
            " 'user_pass' => wp_generate_password(), 'role' => $given['role'],"
            " 'display_name' => $given['name'], 'user_email' => $given['login'] . '@wordpress.example'));"
            "if (is_wp_error($id)) throw new Exception($id->get_error_message()); return $id;",
            login=login, role=role, name=name or login)

    def application_password(self, login="admin", name="jarshy"):
        """A new one; an editor can have many."""
        return self.php(
            "$id = username_exists($given['login']);"
            "$made = WP_Application_Passwords::create_new_application_password($id,"
            " array('name' => $given['name'] . ' ' . wp_generate_uuid4()));"
            "if (is_wp_error($made)) throw new Exception($made->get_error_message()); return $made[0];",
            login=login, name=name)

    def export(self, path):
        """Tools, Export, All content: the WXR file that WordPress writes."""
        wxr = self.php("ob_start(); @export_wp(array('content' => 'all')); return ob_get_clean();")
        Path(path).write_text(wxr)
        return path

    def fill(self, posts_max=2000):
        """The newsroom's whole export, as rows; returns how many posts there are now."""
        return self.php((PHP / "fill.php").read_text(), **export.rows(posts_max))

    # Plugins and what stands in front

    def constants(self, **values):
        """Constants of wp-config.php, for plugins; replaces those set before."""
        lines = [f"define({json.dumps(name)}, {php_literal(value)});\n" for name, value in values.items()]
        replace(self.folder / "constants.php", "<?php\n" + "".join(lines))

    def plugin(self, jarshy_url, **values):
        """Puts the shipped must-use plugin in, with its constants."""
        self.constants(JARSHY_URL=jarshy_url, **values)
        self.must_use("jarshy-views.php", PLUGIN.read_text())

    def must_use(self, name, code):
        """Puts a must-use plugin in; no code takes it out again."""
        path = self.www / "wp-content" / "mu-plugins" / name
        replace(path, code) if code else path.unlink(missing_ok=True)

    def page_cache(self, on):
        """Whether nginx keeps pages and feeds for 60 s; what it had is forgotten."""
        switch = self.folder / "page-cache"
        switch.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "nginx-tmp" / "pages", ignore_errors=True)
        self.reload()
        if on:
            switch.touch()

    def front(self, locations):
        """Puts nginx locations before WordPress's own; empty takes them out."""
        replace(self.folder / "front.conf", locations)
        self.reload()

    def reload(self):
        """nginx with its new settings: when this returns, no worker with the old ones is left."""
        old = servers.children(self.nginx.pid)
        self.nginx.send_signal(signal.SIGHUP)
        end = time.monotonic() + 30
        while not (now := servers.children(self.nginx.pid)) or now & old:
            if time.monotonic() > end:
                raise RuntimeError(f"nginx did not take its settings: {servers.last_words(self.folder, 'nginx')}")
            time.sleep(0.02)

    # Asking it over HTTP

    def get(self, path, headers=None):
        return self.ask("GET", path, headers=headers)

    def ask(self, method, path, body=None, headers=None):
        """Status, headers in lower case, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return response.status, told, response.read()
        finally:
            connection.close()

    def rest(self, method, path, fields=None, login="admin", password=None):
        """One request to /wp-json, signed in where there is an application password."""
        headers = {"Content-Type": "application/json"}
        if password:
            pair = base64.b64encode(f"{login}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        body = json.dumps(fields).encode() if fields is not None else None
        status, told, answer = self.ask(method, "/wp-json" + path, body, headers)
        return status, told, json.loads(answer)

    def requests(self):
        """What nginx was asked so far: (method, path, status, user agent)."""
        lines = (self.folder / "access.log").read_text(errors="replace").splitlines()
        asked = []
        for line in lines:
            parts = line.split('"')
            method, _, rest = parts[1].partition(" ")
            asked.append((method, rest.rsplit(" ", 1)[0], int(parts[2].split()[0]), parts[5]))
        return asked


SAVE = """
$post = $given['post'];
if (isset($post['author'])) { $post['post_author'] = username_exists($post['author']); }
if (isset($post['sections'])) {
    $post['post_category'] = array_map(function ($name) {
        $known = get_term_by('name', $name, 'category');
        return $known ? $known->term_id : wp_create_category($name);
    }, $post['sections']);
}
if (isset($post['tags'])) { $post['tags_input'] = $post['tags']; }
if (isset($post['post_date_gmt'])) {
    $post['post_date'] = get_date_from_gmt($post['post_date_gmt']);
    $post['edit_date'] = true;
}
$id = empty($post['ID']) ? wp_insert_post(wp_slash($post), true) : wp_update_post(wp_slash($post), true);
if (is_wp_error($id)) throw new Exception($id->get_error_message());
return $id;
"""


def replace(path, text):
    """At once: a request under way reads the old or the new file, never half of one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.rename(path)


def php_literal(value):
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def missing():
    """What is not installed, as (what, Debian package)."""
    found = [(str(path), package) for path, package in FILES.items() if not path.exists()]
    for name, package in servers.PROGRAMS.items():
        try:
            servers.program(name)
        except Missing:
            found.append((name, package))
    if not any(name == "php" for name, _ in found):
        modules = subprocess.run([servers.program("php"), "-m"], capture_output=True, text=True).stdout
        if "mysqli" not in modules.split():
            found.append(("mysqli for PHP", "php-mysql"))
    return found


def check_programs():
    found = missing()
    if found:
        what, packages = zip(*found)
        raise Missing(f"{', '.join(what)}: missing; install the Debian packages {' '.join(packages)}")
