"""Articles pulled from WordPress: taken, followed, withdrawn, woken by its pings, and never doubled."""

import contextlib
import json
import re
import time

from jarshy import Broken, Jarshy, is_equal, until

SOURCE = """
[outbound]
networks_allowed = ["127.0.0.0/8"]

[[sources]]
kind = "wordpress"
name = "site"
url = "{url}"
every = "{every}"
reconcile_every = "{reconcile_every}"
"""
USER = 'user = "{user}"\npassword_file = "{file}"\n'
HOURS_AGO = 2 * 3600
PUBLIC = """
return $wpdb->get_results("SELECT ID AS id, guid FROM $wpdb->posts
    WHERE post_type = 'post' AND post_status = 'publish' AND post_password = ''");
"""
PROTECTED = """
return $wpdb->get_col("SELECT ID FROM $wpdb->posts
    WHERE post_type = 'post' AND post_status = 'publish' AND post_password <> ''");
"""


class Puller(Jarshy):
    """jarshy with the site as its source: as nobody, or as a user with an application password."""

    def __init__(self, folder, site, user=None, more=""):
        self.site, self.more = site, more
        self.password_file = folder / "password"
        folder.mkdir(parents=True, exist_ok=True)
        self.user = user
        if user:
            self.write_password(site.application_password(user))
        super().__init__(folder, site, self.source())

    def source(self, every="1h", reconcile_every="1s"):
        source = SOURCE.format(url=self.site.url, every=every, reconcile_every=reconcile_every)
        user = USER.format(user=self.user, file=self.password_file) if self.user else ""
        return source + user + self.more

    def write_password(self, password):
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(password + "\n")

    def state(self):
        """The source's state; while settings are reloaded there may be none."""
        listed = lambda: self.json("/api/v1/sources", ops=True)["sources"]  # noqa: E731
        return until("the source is listed", 20, listed)[0]

    def pull(self):
        """Asks for a pull and waits until it has ended, well or not; returns the source's state."""
        before = self.state()
        status, _, body = self.post_ops("/api/v1/sources/site/pull")
        if status != 202:
            raise Broken(f"POST …/pull: {status} {body[:300]!r}")

        def ended():
            now = self.state()
            tried = now.get("last_attempt_at") != before.get("last_attempt_at")
            return now if tried and not now.get("running_since") else None

        return until("the pull ends", 120, ended)

    def pulled(self):
        state = self.pull()
        if state.get("last_error"):
            raise Broken(f"the pull failed: {state['last_error']}")
        return state

    def pull_until(self, what, done, seconds=60):
        """Pulls again until it is so: reconciliations come a second apart."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise Broken(f"{what}: not within {seconds} s; {self.state()}")
            self.pulled()

    def takes(self, post):
        """Pulls until a new post is here. One that is dated back was never changed as WordPress tells
        it, and is found among the newest or by a reconciliation."""
        self.pull_until(f"wp-{post}", lambda: self.article(f"wp-{post}"))
        return self.article(f"wp-{post}")

    def articles(self, status):
        """Every article with this status, by id."""
        found, cursor = {}, ""
        while True:
            page = self.json(f"/api/v1/articles?status={status}&limit=500{cursor}", ops=True)
            found.update({one["id"]: one for one in page["articles"]})
            if not page.get("next"):
                return found
            cursor = f"&cursor={page['next']}"


class Newsroom:
    """The site, jarshy as nobody's, and jarshy as an editor's."""

    def __init__(self, site, public, editor, scheduled):
        self.site, self.public, self.editor, self.scheduled = site, public, editor, scheduled

    def both(self):
        return (self.public, self.editor)

    def publish(self, title, seconds_ago=HOURS_AGO, **fields):
        """A post some hours old: what is younger, a reconciliation does not judge."""
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - seconds_ago))
        return self.site.publish(title, f"<p>Текст: {title}.</p>", post_date_gmt=at, **fields)


@contextlib.contextmanager
def world(site, folder):
    site.add_user("redaktor2", "editor", "Редактор")
    # Its time comes while the other tests run; without hits, or with a system cron, WordPress is late.
    site.constants(DISABLE_WP_CRON=True)
    scheduled = site.schedule("Назначено", "<p>По часам.</p>", in_seconds=75)
    with Puller(folder / "public", site) as public, Puller(folder / "editor", site, "redaktor2") as editor:
        try:
            yield (Newsroom(site, public, editor, scheduled),)
        except Exception:
            print(public.words(), editor.words(), sep="\n")
            raise
        finally:
            site.set_option("ping_sites", "")
            site.constants()


def test_walk(room):
    """The first walk takes every public post once, with its guid byte for byte, and nothing else is shown."""
    wanted = {f"wp-{row['id']}": row["guid"] for row in room.site.php(PUBLIC)}
    for jarshy in room.both():
        jarshy.pull_until("the walk", lambda: jarshy.state()["articles"]["created"] >= len(wanted))
        until("the walk ends", 120, lambda: not jarshy.state().get("running_since"))
        taken = jarshy.articles("published")
        is_equal(sorted(set(wanted) ^ set(taken)), [])
        guids = {key: jarshy.article(key)["guid"] for key in wanted}
        differ = {key: (guids[key], guid) for key, guid in wanted.items() if guid and guids[key] != guid}
        is_equal(differ, {})
        is_equal(jarshy.state()["articles"]["refused"], 0)


def test_unpublished_ones(room):
    """An editor's password brings drafts and scheduled posts, as such; nobody's brings none of them.

    WordPress lists protected posts to everybody: those are drafts without words."""
    is_equal(room.editor.article(f"wp-{room.scheduled}")["status"], "scheduled")
    is_equal(room.public.article(f"wp-{room.scheduled}"), None)
    hidden = room.public.articles("draft")
    is_equal({article["body_html"] + article["summary"] for article in hidden.values()} - {""}, set())
    is_equal(set(hidden), {f"wp-{post}" for post in room.site.php(PROTECTED)})
    if not room.editor.articles("draft"):
        raise Broken("the editor's pull brought no draft")


def test_quiet(room):
    """A poll that finds nothing new is one request."""
    for jarshy in room.both():
        jarshy.reload(jarshy.source(every="1s", reconcile_every="1h"))
        begins = len(room.site.requests())
        try:
            # By hand they would come early, and those look for scheduled posts too.
            until(f"polls of one request each: {asked(room.site, begins)}", 60, lambda: is_quiet(jarshy))
        finally:
            jarshy.reload(jarshy.source())
        jarshy.pull_until("the settings", lambda: requests_of(jarshy) > 1)


def is_quiet(jarshy):
    """Whether the next five polls, each at its time, are a request each."""
    polls, requests = polls_and_requests(jarshy)
    until("five polls", 30, lambda: polls_and_requests(jarshy)[0] >= polls + 5)
    more = polls_and_requests(jarshy)
    return more[1] - requests == more[0] - polls


def polls_and_requests(jarshy):
    _, _, page = jarshy.get_ops("/metrics")
    total = lambda name: sum(float(n) for n in re.findall(rf"^jarshy_source_{name}_total\{{.*\}} (\S+)$", page.decode(), re.M))  # noqa: E731
    return total("pulls"), total("requests")


def asked(site, begins):
    """What jarshy has asked of WordPress since."""
    return "; ".join(path for _, path, _, agent in site.requests()[begins:] if "jarshy" in agent)


def requests_of(jarshy):
    before = jarshy.state()["requests"]
    return jarshy.pulled()["requests"] - before


def test_publish(room):
    """A post that is published is in the feeds after the next pull, with all that belongs to it."""
    post = room.publish("Новый «мост» & ко", sections=["Общество", "Спорт"], tags=["мост"],
                        author="redaktor2", post_excerpt="Коротко о мосте.")
    for jarshy in room.both():
        article = jarshy.takes(post)
        is_equal(article["title"], "Новый «мост» & ко")
        is_equal(article["url"], room.site.permalink(post))
        is_equal((sorted(article["sections"]), article["tags"]), (["Общество", "Спорт"], ["мост"]))
        is_equal([author["name"] for author in article["authors"]], ["Редактор"])
        until("the feed", 20, lambda: "Новый «мост» & ко" in jarshy.titles())
        item = next(one for one in jarshy.items().values() if one["title"] == "Новый «мост» & ко")
        is_equal(item["id"], room.site.php("return get_post($given['post'])->guid;", post=post))


def test_edit(room):
    """An edit arrives, the guid stays; saving without a change moves nothing."""
    post = room.publish("До правки")
    for jarshy in room.both():
        jarshy.takes(post)
    room.site.update(post, post_title="После правки")
    for jarshy in room.both():
        before = jarshy.article(f"wp-{post}")
        jarshy.pulled()
        after = jarshy.article(f"wp-{post}")
        is_equal((after["title"], after["guid"]), ("После правки", before["guid"]))
        until("the feed", 20, lambda: "После правки" in jarshy.titles())
    room.site.update(post)
    for jarshy in room.both():
        before = jarshy.article(f"wp-{post}")
        jarshy.pulled()
        is_equal(jarshy.article(f"wp-{post}")["updated_at"], before["updated_at"])


def test_gone(room):
    """What is trashed, unpublished, protected, made private or deleted for good leaves the feeds."""
    site = room.site
    acts = {
        "в корзину": site.trash,
        "в черновики": site.unpublish,
        "под пароль": lambda post: site.protect(post, "сыр"),
        "в личные": lambda post: site.update(post, post_status="private"),
        "насовсем": lambda post: site.php("return (bool) wp_delete_post($given['post'], true);", post=post),
    }
    posts = {f"Снято {how}": room.publish(f"Снято {how}") for how in acts}
    kept = room.publish("Оставлено")
    for jarshy in room.both():
        for post in (*posts.values(), kept):
            jarshy.takes(post)
        until("the feed", 20, lambda: set(posts) <= set(jarshy.titles()))
    for how, act in acts.items():
        act(posts[f"Снято {how}"])
    for jarshy in room.both():
        left = lambda: set(posts) & set(jarshy.titles())  # noqa: E731, B023
        jarshy.pull_until("the feed is without them", lambda: not left())
        if "Оставлено" not in jarshy.titles() or jarshy.article(f"wp-{kept}")["status"] != "published":
            raise Broken("what stands in WordPress was withdrawn")
        for title, post in posts.items():
            status = jarshy.article(f"wp-{post}")["status"]
            if status not in ("withdrawn", "draft"):
                raise Broken(f"{title}: it is {status}")


def test_back(room):
    """What comes back from the trash is in the feeds again, under the guid it had."""
    post = room.publish("Вернулось")
    guids = {}
    for jarshy in room.both():
        guids[jarshy] = jarshy.takes(post)["guid"]
    room.site.trash(post)
    for jarshy in room.both():
        jarshy.pull_until("it is withdrawn", lambda: "Вернулось" not in jarshy.titles())
    room.site.php("wp_untrash_post($given['post']); wp_publish_post($given['post']);", post=post)
    for jarshy in room.both():
        jarshy.pull_until("it is back", lambda: "Вернулось" in jarshy.titles())
        is_equal(jarshy.article(f"wp-{post}")["guid"], guids[jarshy])


def test_wrong_password(room):
    """A wrong application password is found out, although WordPress answers; nothing is lost by it."""
    jarshy, good = room.editor, room.editor.password_file.read_text().strip()
    jarshy.pulled()
    before = {status: set(jarshy.articles(status)) for status in ("published", "draft", "scheduled")}
    jarshy.write_password("aaaa bbbb cccc dddd eeee ffff")
    # It is confirmed again by a reconciliation; those are a second apart.
    until("it is found out", 60, lambda: jarshy.pull().get("last_error"))
    told = jarshy.state()["last_error"]
    if "password" not in told or good in told or "aaaa" in told:
        raise Broken(f"it says {told!r}")
    if good in jarshy.log.read_text() or "aaaa bbbb" in jarshy.log.read_text():
        raise Broken("a password is in the log")
    is_equal({status: set(jarshy.articles(status)) for status in before}, before)
    post = room.publish("Пока не пускали")
    jarshy.pull()
    jarshy.write_password(good)
    until("it goes on", 60, lambda: not jarshy.pull().get("last_error"))
    jarshy.takes(post)
    until("the feed", 20, lambda: "Пока не пускали" in jarshy.titles())


def test_scheduled(room):
    """A scheduled post is in our feed with its page and its address, though no visitor wakes WordPress."""
    jarshy, site = room.editor, room.site
    until("its time comes", 120, lambda: "Назначено" in jarshy.titles())
    is_equal(site.status(room.scheduled), "publish")
    item = next(one for one in jarshy.items().values() if one["title"] == "Назначено")
    is_equal(item["url"], site.permalink(room.scheduled))
    is_equal(site.get(item["url"].removeprefix(site.url))[0], 200)
    late = jarshy.article(f"wp-{room.scheduled}")
    is_equal(late.get("embargo_until"), None)
    site.constants()  # the cron runs again


def test_ping(room):
    """WordPress's own ping to its update services wakes jarshy: no pull was due for an hour."""
    jarshy = room.public
    room.site.set_option("ping_sites", f"{jarshy.url}/ping")
    password = room.site.application_password("redaktor2")
    begins = time.monotonic()
    status, _, made = room.site.rest(
        "POST", "/wp/v2/posts", {"title": "Разбудило", "content": "<p>Сразу.</p>", "status": "publish"},
        login="redaktor2", password=password)
    is_equal(status, 201)

    def shown():
        room.site.get("/")  # readers come, and WordPress's cron lives on them
        return "Разбудило" in jarshy.titles()

    until("the feed", 30, shown)
    print(f"  from WordPress to our feed by its ping: {time.monotonic() - begins:.2f} s", flush=True)
    is_equal(jarshy.article(f"wp-{made['id']}")["status"], "published")
    room.site.set_option("ping_sites", "")


def test_export_then_pull(room):
    """An export of the same site, imported, and then pulled: no article twice, no guid changed."""
    site = room.site
    wxr = site.export(site.folder / "export.xml")
    jarshy = Puller(room.public.settings.parent.parent / "moved", site, "redaktor2")
    jarshy.cli("import", "wxr", wxr)
    with jarshy:
        until("the first pull", 120, lambda: jarshy.state().get("last_success_at"))
        jarshy.pulled()
        imported = articles_of(jarshy)
        wanted = {f"wp-{row['id']}": row["guid"] for row in site.php(PUBLIC)}
        shown = {key: one["guid"] for key, one in imported.items() if one["status"] == "published"}
        is_equal(sorted(set(shown) ^ set(wanted)), [])
        differ = {key: (shown[key], guid) for key, guid in wanted.items() if guid and shown[key] != guid}
        is_equal(differ, {})
        done = jarshy.state()["articles"]
        print(f"  pulled over an import of {len(imported)}: {json.dumps(done)}", flush=True)
        is_equal((done["created"], done["withdrawn"], done["refused"]), (0, 0, 0))
        twice = jarshy.cli("import", "wxr", wxr)
        is_equal({key: one["guid"] for key, one in articles_of(jarshy).items()},
                 {key: one["guid"] for key, one in imported.items()})
        jarshy.pulled()
        is_equal(jarshy.state()["articles"]["created"], 0)
        if not twice.strip():
            raise Broken("the import reports nothing")


MANY = """
update_option('timezone_string', $given['zone']);
return array_map(function ($n) use ($given) {
    $at = gmdate('Y-m-d H:i:s', $given['from'] + 60 * $n);
    return wp_insert_post(array('post_title' => $given['zone'] . " $n", 'post_content' => "<p>$n</p>",
        'post_status' => 'publish', 'post_date_gmt' => $at, 'post_date' => get_date_from_gmt($at)), true);
}, range(1, $given['count']));
"""
OFFSETS = """
return $wpdb->get_col("SELECT DISTINCT TIMESTAMPDIFF(MINUTE, post_modified_gmt, post_modified) FROM $wpdb->posts
    WHERE post_type = 'post' AND post_status = 'publish'");
"""


def test_zone(room):
    """A site that was switched from UTC to another zone is walked whole, whatever clock its posts were made by."""
    site = room.site
    zone = site.php("return get_option('timezone_string');")
    # Within the hours by which the clocks differ, so that their orders are entangled.
    begins = int(time.time()) - 8 * 3600
    posts = site.php(MANY, zone="UTC", count=130, **{"from": begins})
    posts += site.php(MANY, zone="Asia/Almaty", count=70, **{"from": begins + 1800})
    try:
        offsets = {int(minutes) for minutes in site.php(OFFSETS)}
        if not {0, 300} <= offsets:
            raise Broken(f"the clocks of the posts differ from UTC by {offsets} minutes")
        wanted = {f"wp-{row['id']}" for row in site.php(PUBLIC)}
        folder = room.public.settings.parent.parent
        for user in (None, "redaktor2"):
            with Puller(folder / f"zone-{user}", site, user, "page_size = 10\n") as jarshy:
                until("the walk ends", 240, lambda: has_walked(jarshy))
                is_equal(sorted(wanted ^ set(jarshy.articles("published"))), [])
                is_equal(jarshy.state()["failures"], 0)
    finally:
        site.php("foreach ($given['posts'] as $post) wp_delete_post($post, true); return true;", posts=posts)
        site.set_option("timezone_string", zone)


def has_walked(jarshy):
    """Whether the walk has failed or ended: while it goes on, the next pull is due at once."""
    state = jarshy.state()
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1800))
    return state["failures"] or (state.get("due_at") or "") > soon


def articles_of(jarshy):
    found = {}
    for status in ("published", "draft", "scheduled", "withdrawn"):
        for key in jarshy.articles(status):
            found[key] = jarshy.article(key)
    return found
