"""The servers behind a WordPress: MariaDB, php-fpm and nginx, private to one folder.

Each runs as an ordinary user, in the foreground, with settings of its own and nothing of the
system's; the databases and php-fpm listen on sockets in the folder, nginx on one loopback port. They
are ended by id. Nothing here knows WordPress.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

# Program -> Debian package.
PROGRAMS = {
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "nginx": "nginx",
    "php": "php-cli",
    "php-fpm": "php-fpm",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
}
# Where root's programs are, also for those who do not have them in their PATH.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


# Not Debian's own file of these, which has dropped the port of HTTP_HOST since 2026: WordPress on a
# port of its own would redirect every page to itself.
FASTCGI = {
    "SCRIPT_FILENAME": "$document_root$fastcgi_script_name", "SCRIPT_NAME": "$fastcgi_script_name",
    "QUERY_STRING": "$query_string", "REQUEST_METHOD": "$request_method",
    "CONTENT_TYPE": "$content_type", "CONTENT_LENGTH": "$content_length",
    "REQUEST_URI": "$request_uri", "DOCUMENT_URI": "$document_uri",
    "DOCUMENT_ROOT": "$document_root", "SERVER_PROTOCOL": "$server_protocol",
    "REQUEST_SCHEME": "$scheme", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "nginx",
    "REMOTE_ADDR": "$remote_addr", "REMOTE_PORT": "$remote_port", "SERVER_ADDR": "$server_addr",
    "SERVER_PORT": "$server_port", "SERVER_NAME": "$server_name", "HTTP_HOST": "$http_host",
    "REDIRECT_STATUS": "200", "HTTP_PROXY": '""',
}


class Missing(Exception):
    """A program or a package that is not installed; says which."""


def program(name):
    """The path of a program; Debian names php-fpm with its version."""
    found = shutil.which(name, path=PATH)
    if not found and name == "php-fpm":
        versions = [p for folder in PATH.split(os.pathsep) for p in Path(folder).glob("php-fpm[0-9]*")]
        found = str(sorted(versions)[-1]) if versions else None
    if not found:
        raise Missing(f"{name} is missing: install the Debian package {PROGRAMS.get(name, name)}")
    return found


def user():
    """Whom the servers run as: an ordinary user as he is, `nobody` where root starts them."""
    return {} if os.geteuid() else {"user": "nobody", "group": "nogroup", "extra_groups": []}


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def end_with_parent():
    """Run in a child: it is asked to end when the test is killed before it can stop it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def give(path):
    """Hands a file or folder to whom the servers run as."""
    if not os.geteuid():
        shutil.chown(path, "nobody", "nogroup")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Servers:
    """What was started, newest last; `stop` ends all of it, newest first."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.started = []

    def start(self, name, command):
        log = open(self.folder / f"{name}.log", "ab")
        environment = {"PATH": PATH, "HOME": str(self.folder), "LANG": "C.UTF-8"}
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            cwd=self.folder, env=environment, start_new_session=True,
            preexec_fn=end_with_parent, **user())
        log.close()
        self.started.append((name, process))
        return process

    def ready(self, name, process, done, seconds=90):
        """Waits until it answers; one that ends by itself or never answers is told with its last words."""
        end = time.monotonic() + seconds
        while not done():
            if process.poll() is not None or time.monotonic() > end:
                words = last_words(self.folder, name)
                raise Missing(f"{name} did not start; it said:\n{words}")
            time.sleep(0.02)

    def stop(self):
        while self.started:
            name, process = self.started.pop()
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    print(f"{name} does not end, it is killed", file=sys.stderr)
                    process.kill()
                    process.wait()


def last_words(folder, name):
    files = [folder / f"{name}.log", folder / f"{name}.error"]
    return "".join(f.read_text(errors="replace")[-1500:] for f in files if f.exists())


def children(pid):
    """Ids of the processes that one has started and that still run."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name_and_rest = stat.read_text(errors="replace").rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(name_and_rest[1].split()[1]) == pid:
            found.add(int(stat.parent.name))
    return found


def listens(path):
    """Whether somebody takes connections at a socket in the file system."""
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(str(path))
        except OSError:
            return False
        return True


def mariadb(servers):
    """A database server with little memory that keeps nothing through a power cut; root without a
    password, reachable only through a socket in the private folder."""
    folder = servers.folder
    data, socket_path = folder / "mysql", folder / "mysql.sock"
    if not (data / "mysql").exists():
        data.mkdir(exist_ok=True)
        give(data)
        subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--skip-test-db",
             "--skip-name-resolve", "--auth-root-authentication-method=normal",
             "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **user())
    process = servers.start("mariadbd", [
        program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--socket={socket_path}",
        f"--pid-file={folder}/mysql.pid", f"--tmpdir={folder}/tmp", "--skip-networking",
        "--skip-name-resolve", "--skip-log-bin", "--performance-schema=OFF",
        "--innodb-buffer-pool-size=96M", "--innodb-log-file-size=16M",
        "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--key-buffer-size=4M",
        "--aria-pagecache-buffer-size=8M", "--max-connections=40",
        "--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_520_ci"])
    servers.ready("mariadbd", process, lambda: listens(socket_path))


def php_fpm(servers):
    folder = servers.folder
    (folder / "php-fpm.conf").write_text(f"""\
[global]
error_log = {folder}/php-fpm.error
daemonize = no
[www]
listen = {folder}/php.sock
pm = static
pm.max_children = 6
catch_workers_output = yes
php_admin_value[error_log] = {folder}/php.log
php_admin_value[log_errors] = 1
php_admin_value[display_errors] = 0
php_admin_value[memory_limit] = 256M
php_admin_value[opcache.revalidate_freq] = 0
php_admin_value[sys_temp_dir] = {folder}/tmp
php_admin_value[upload_tmp_dir] = {folder}/tmp
""")
    process = servers.start("php-fpm", [program("php-fpm"), "-y", folder / "php-fpm.conf"])
    servers.ready("php-fpm", process, lambda: listens(folder / "php.sock"))


def nginx(servers, port, www):
    """WordPress behind nginx, with pretty permalinks. While the file `page-cache` is there, whatever
    WordPress answers to readers is kept for 60 s, as its sites are usually run. `front.conf` holds
    locations that a test puts before WordPress's own."""
    folder = servers.folder
    (folder / "nginx-tmp").mkdir(exist_ok=True)
    give(folder / "nginx-tmp")
    front = folder / "front.conf"
    if not front.exists():
        front.write_text("")
    temporary = "".join(f"  {kind}_temp_path {folder}/nginx-tmp/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    parameters = "".join(f"      fastcgi_param {name} {value};\n" for name, value in FASTCGI.items())
    (folder / "nginx.conf").write_text(f"""\
daemon off;
worker_processes 1;
worker_shutdown_timeout 5s;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error warn;
events {{ worker_connections 512; }}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log {folder}/access.log;
{temporary}  client_max_body_size 32m;
  fastcgi_cache_path {folder}/nginx-tmp/pages levels=1 keys_zone=pages:4m max_size=64m;
  fastcgi_buffers 16 64k;
  fastcgi_buffer_size 64k;
  gzip on;
  gzip_vary on;
  gzip_proxied any;
  gzip_types text/css application/javascript application/json application/rss+xml application/atom+xml;
  map $http_cookie $signed_in {{ default 0; "~wordpress_logged_in|wp-postpass|comment_author" 1; }}
  map $request_uri $for_editors {{ default 0; "~^/wp-|/xmlrpc.php" 1; }}
  server {{
    listen 127.0.0.1:{port};
    server_name 127.0.0.1 localhost;
    root {www};
    index index.php;
    include {front};
    location / {{ try_files $uri $uri/ /index.php?$args; }}
    location ~ \\.php$ {{
      try_files $uri =404;
      set $uncached 1;
      if (-f {folder}/page-cache) {{ set $uncached 0; }}
      fastcgi_cache pages;
      fastcgi_cache_key $request_method$host$request_uri;
      fastcgi_cache_valid 200 301 302 60s;
      fastcgi_cache_bypass $uncached $signed_in $for_editors;
      fastcgi_no_cache $uncached $signed_in $for_editors;
      add_header X-Page-Cache $upstream_cache_status always;
{parameters}      fastcgi_pass unix:{folder}/php.sock;
      fastcgi_read_timeout 120s;
    }}
  }}
}}
""")
    process = servers.start("nginx", [program("nginx"), "-e", folder / "nginx.error",
                                      "-p", folder, "-c", folder / "nginx.conf"])

    def answers():
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    servers.ready("nginx", process, answers)
    return process
