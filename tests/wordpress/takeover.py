"""The old feeds' subscribers, moved to jarshy: at the same addresses the same entries, none of them new."""

import contextlib
import time
import urllib.parse
import xml.etree.ElementTree as xml
from pathlib import Path

from jarshy import Broken, Jarshy, is_equal, until

SETTINGS = """
[outbound]
networks_allowed = ["127.0.0.0/8"]

[takeover]
addresses = "{addresses}"
feed = "main"

[[feeds]]
slug = "main"
title = "Всё"
language = "mixed"
entries = 10
"""
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "README.md"
ATOM = "{http://www.w3.org/2005/Atom}"


NAMES = """
$urls = array();
foreach (array('category', 'post_tag') as $taxonomy) {
    foreach (get_terms(array('taxonomy' => $taxonomy, 'hide_empty' => true)) as $term) {
        // A tag without a name, which this export has, has no word to select by.
        if (trim($term->name) !== '') $urls[] = get_term_feed_link($term->term_id, $taxonomy);
    }
}
foreach (get_users(array('has_published_posts' => array('post'))) as $user) {
    $urls[] = get_author_feed_link($user->ID);
}
return array_map(fn($url) => substr($url, strlen(home_url())), $urls);
"""


class Subscriber:
    """Who has polled these addresses for years; remembers what he has seen there."""

    def __init__(self, site, jarshy):
        self.site, self.jarshy = site, jarshy
        section, author = site.section_url("Наука"), site.php("return get_author_posts_url(username_exists('avtor'));")
        tag = site.php("return get_term_link(get_term_by('name', 'космос', 'post_tag'));")
        number = site.php("return get_cat_ID('Наука');")
        path = lambda url: url.removeprefix(site.url)  # noqa: E731
        self.paths = [
            "/feed/", "/feed", "/feed/rss2/", "/feed/atom/", "/?feed=rss2", "/?feed=atom",
            path(section) + "feed/", path(section) + "feed/atom/", path(tag) + "feed/", path(author) + "feed/",
            path(author) + "feed/atom/", f"/?feed=rss2&cat={number}", "/?feed=rss2&utm_source=x",
        ]
        # Before the move, as a feed reader sees them: redirects followed.
        self.before = {one: self.poll(one) for one in self.paths}

    def poll(self, path, hops=3):
        status, headers, body = self.site.get(path, {"User-Agent": "FreshRSS/1.24.0 (Linux; https://freshrss.org)"})
        if status in (301, 302, 308) and hops:
            to = headers["location"]
            if to.startswith(self.jarshy.url):
                status, headers, body = self.jarshy.get(to.removeprefix(self.jarshy.url))
            else:
                return self.poll(to.removeprefix(self.site.url), hops - 1)
        if status != 200:
            raise Broken(f"{path}: {status} {body[:200]!r}")
        return headers["content-type"].split(";")[0], entries(body)


def entries(body):
    """Ids, links and titles, in the feed's order."""
    root = xml.fromstring(body)
    if root.tag == f"{ATOM}feed":
        return [(one.findtext(f"{ATOM}id"), link_of(one), one.findtext(f"{ATOM}title"))
                for one in root.findall(f"{ATOM}entry")]
    return [(one.findtext("guid"), one.findtext("link"), one.findtext("title")) for one in root.iter("item")]


def link_of(entry):
    links = entry.findall(f"{ATOM}link")
    return next((one.get("href") for one in links if one.get("rel", "alternate") == "alternate"), None)


@contextlib.contextmanager
def world(site, folder):
    site.add_user("avtor", "author", "Автор «О’Нил» & ко")
    # A minute apart: posts of one second have no order in WordPress's lists.
    for n in range(14):
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - 60 * (14 - n)))
        site.publish(f"Наука и жизнь {n} — «кавычки» & <i>ко</i>", f"<p>Открытие {n}.</p>", author="avtor", post_date_gmt=at,
                     sections=["Наука", "Общество"] if n % 2 else ["Наука"], tags=["космос", f"метка {n}"])
    site.publish("Под паролем, новее", "<p>Тайна.</p>", post_password="сыр",
                 post_date_gmt="2026-01-01 00:00:00")
    jarshy = Jarshy(folder, site, SETTINGS.format(addresses="serve"))
    subscriber = Subscriber(site, jarshy)
    jarshy.cli("import", "wxr", site.export(site.folder / "takeover.xml"))
    try:
        with jarshy:
            yield (subscriber,)
    finally:
        site.front("")


def test_check(subscriber):
    """`jarshy check --against` the running WordPress finds nothing that a subscriber would notice."""
    site, jarshy = subscriber.site, subscriber.jarshy
    for path in subscriber.paths:
        told = jarshy.cli("check", "--against", site.url + path)
        if "\n" not in told.strip():
            raise Broken(f"{path}: it says only {told!r}")
    print("  " + told.strip().splitlines()[-1], flush=True)


def test_move(subscriber):
    """Through nginx every old address gives the same entries under the same ids; none is new to anybody."""
    front(subscriber)
    try:
        for path, (kind, old) in subscriber.before.items():
            now_kind, now = subscriber.poll(path)
            seen = {one[0] for one in old}
            new = [one for one in now if one[0] not in seen]
            if new:
                raise Broken(f"{path}: new to its subscribers: {new[:3]}")
            is_equal([one[:2] for one in now], [one[:2] for one in old], path)
            is_equal(now_kind, kind, path)
    finally:
        subscriber.site.front("")


def test_every_name(subscriber):
    """Of all categories, tags and authors no feed has an entry that WordPress's own did not show."""
    site, jarshy, new, polled = subscriber.site, subscriber.jarshy, {}, 0
    for path in site.php(NAMES):
        status, _, body = jarshy.get(path)
        try:
            shown = entries(site.get(path)[2])
        except xml.ParseError:
            continue  # WordPress lets control characters through
        if status == 404 and not shown:
            continue
        polled += 1
        if status != 200:
            new[path] = status
            continue
        seen = {one[0] for one in shown}
        late = [one for one in entries(body) if one[0] not in seen]
        if late:
            new[path] = (len(shown), late)
    print(f"  {polled} feeds", flush=True)
    is_equal(new, {})


def test_wordpress_stays(subscriber):
    """Pages, REST and the rest stay WordPress's; feeds of comments end, so that nobody polls them for ever."""
    front(subscriber)
    site = subscriber.site
    try:
        for path in ("/", "/wp-json/", site.section_url("Наука").removeprefix(site.url), "/?s=мост"):
            status, headers, _ = site.get(urllib.parse.quote(path, safe="/?=%&"))
            is_equal((status, "x-page-cache" in headers), (200, True), path)
        is_equal(site.get("/comments/feed/")[0], 410, "comments")
        is_equal(site.get("/?feed=comments-rss2")[0], 410, "comments")
        is_equal(site.get("/category/net-takoj/feed/")[0], 404, "an unknown category")
    finally:
        site.front("")


def test_after_the_move(subscriber):
    """What is published after the move is the one new entry; a poll that changed nothing is 304."""
    front(subscriber)
    site, jarshy = subscriber.site, subscriber.jarshy
    try:
        status, headers, _ = site.get("/feed/")
        is_equal(site.get("/feed/", {"If-None-Match": headers["etag"]})[0], 304, "the tag")
        status, _, body = jarshy.put("after-the-move", {
            "title": "После переезда", "url": f"{site.url}/after/", "status": "published", "sections": ["Наука"],
            "published_at": site.php("return gmdate('Y-m-d\\TH:i:s\\Z');"), "body_html": "<p>Новость.</p>"})
        is_equal(status, 201, body)
        for path in ("/feed/", subscriber.paths[6]):
            old = {one[0] for one in subscriber.before[path][1]}
            fresh = lambda: [e[2] for e in subscriber.poll(path)[1] if e[0] not in old]  # noqa: E731, B023
            until("the new entry", 20, fresh)
            is_equal(fresh(), ["После переезда"], path)
        is_equal(site.get("/feed/", {"If-None-Match": headers["etag"]})[0], 200, "the tag of before")
    finally:
        jarshy.post_ops("/api/v1/articles/after-the-move", method="DELETE")
        until("it is withdrawn", 20, lambda: subscriber.poll("/feed/") == subscriber.before["/feed/"])
        site.front("")


def test_redirect(subscriber):
    """With redirects the old addresses lead to the new ones for good, with the same entries."""
    jarshy = subscriber.jarshy
    jarshy.reload(SETTINGS.format(addresses="redirect"))
    front(subscriber)
    try:
        until("the settings", 20, lambda: subscriber.site.get("/feed/")[0] == 301)
        is_equal(subscriber.site.get("/feed/")[1]["location"], f"{jarshy.url}/feeds/main.rss", "/feed/")
        for path, (kind, old) in subscriber.before.items():
            is_equal([one[:2] for one in subscriber.poll(path)[1]], [one[:2] for one in old], path)
    finally:
        subscriber.site.front("")


def front(subscriber):
    """Puts nginx's locations in, as deploy/README.md has them; the upstream is this jarshy."""
    chapter = DEPLOY.read_text().split("\n## WordPress's old feed addresses\n")[1]
    locations = chapter.split("```nginx\n")[1].split("```")[0]
    # The upstream is where readers are sent as well, here alone, and nginx would rewrite that.
    passed = f"proxy_redirect off; proxy_pass http://{subscriber.jarshy.address};"
    if "proxy_pass http://jarshy;" not in locations:
        raise Broken("deploy/README.md no longer passes the old addresses to jarshy")
    subscriber.site.front(locations.replace("proxy_pass http://jarshy;", passed))
