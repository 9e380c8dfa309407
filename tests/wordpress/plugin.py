"""The must-use plugin in WordPress's own pages: what it puts where, and where it puts nothing."""

import contextlib
import json
import re

from jarshy import Broken, is_equal

JARSHY = "http://127.0.0.1:1/a'b\"<c>&d"
ESCAPED = "http://127.0.0.1:1/a&#039;bc&#038;d"


class Pages:
    """The site with a few posts of each kind."""

    def __init__(self, site):
        self.site = site
        self.public = site.publish("Открыт мост", "<p>Мост открыт.</p>[jarshy_count]", sections=["Общество"])
        self.protected = site.publish("Под паролем", "<p>Тайна.</p>", post_password="сыр")
        self.draft = site.publish("Черновик", "<p>Потом.</p>", post_status="draft")
        self.private = site.publish("Личное", "<p>Своё.</p>", post_status="private")
        self.page = site.publish("О нас", "<p>Редакция.</p>", post_type="page")
        self.signed_in, self.nonce = site.php(
            "$token = WP_Session_Tokens::get_instance(1)->create(time() + 3600);"
            "$_COOKIE[LOGGED_IN_COOKIE] = wp_generate_auth_cookie(1, time() + 3600, 'logged_in', $token);"
            "return array(LOGGED_IN_COOKIE . '=' . $_COOKIE[LOGGED_IN_COOKIE],"
            " wp_create_nonce('post_preview_' . $given['post']));", post=self.public)

    def html(self, path, headers=None, status=200):
        """The page as WordPress makes it; a redirect is followed."""
        path = path.removeprefix(self.site.url)
        for _ in range(4):
            told, answer, body = self.site.get(path, headers)
            if told not in (301, 302):
                break
            path = answer["location"].removeprefix(self.site.url)
        if told != status:
            raise Broken(f"{path}: {told}, not {status}")
        return body.decode()

    def post(self, post, **more):
        return self.html(f"/?p={post}", **more)


@contextlib.contextmanager
def world(site, folder):
    pages = Pages(site)
    site.plugin(JARSHY, JARSHY_COUNT="before")
    try:
        yield (pages,)
    finally:
        site.must_use("jarshy-views.php", "")
        site.constants()


def test_page(pages):
    """A published post's page has the script, the pixel and the number's place, all escaped."""
    html, article = pages.post(pages.public), f"wp-{pages.public}"
    has(html, f'<script async src="{ESCAPED}/views.js" data-article="{article}"></script>')
    has(html, f'<noscript><img src="{ESCAPED}/v/{article}.gif" alt="" width="1" height="1"></noscript>')
    place = f'<span class="jarshy-count" data-jarshy-count="{article}"></span>'
    has(html, f'<p class="jarshy-views">Количество просмотров: {place}</p>')
    if html.count(place) != 2:
        raise Broken(f"the place before the text and the shortcode make {html.count(place)} places")
    if html.index("</noscript>") > html.index("</body>"):
        raise Broken("the pixel is not in the body")


def test_nowhere(pages):
    """Lists, previews, feeds, REST, embeds, protected, private and draft posts, other types: none of them counts."""
    signed_in = {"Cookie": pages.signed_in}
    shown = {
        "the front page": pages.html("/"),
        "a category": pages.html(pages.site.section_url("Общество")),
        "a search": pages.html("/?s=%D0%BC%D0%BE%D1%81%D1%82"),
        "RSS": pages.html("/feed/"),
        "Atom": pages.html("/feed/atom/"),
        "REST": unescaped(pages.html(f"/wp-json/wp/v2/posts/{pages.public}")),
        "an embed": pages.html(f"/?p={pages.public}&embed=true"),
        "a protected post": pages.post(pages.protected),
        "a draft's preview": pages.html(f"/?p={pages.draft}&preview=true", signed_in),
        "a post's preview": pages.html(
            f"/?p={pages.public}&preview=true&preview_id={pages.public}&preview_nonce={pages.nonce}", signed_in),
        "a private post": pages.post(pages.private, headers=signed_in),
        "a page": pages.html(f"/?page_id={pages.page}"),
        "what is not there": pages.html("/?p=999999", status=404),
    }
    for where, text in shown.items():
        if not re.search("Мост|Тайна|Своё|Потом|Редакция|Под паролем|Түркістан", text):
            raise Broken(f"{where} shows nothing of the site")
        if re.search(r'data-article="[^"]|/v/wp-|\[jarshy', text):
            raise Broken(f"{where} would count")
        if where == "a post's preview":  # of what is public already: its number, and no hit
            has(text, f'<script async src="{ESCAPED}/views.js" data-article=""></script>')
        elif "jarshy-count" in text or "views.js" in text:
            raise Broken(f"{where} has something of jarshy")


def test_list(pages):
    """A list whose theme asks for numbers has their places and a script that counts nothing."""
    posts = [pages.public, pages.protected, pages.draft, pages.private]
    pages.site.must_use("theme.php", """<?php
        add_action('wp_body_open', function () {
            foreach (is_home() ? %s : array() as $post) echo jarshy_count($post);
        });""" % posts)
    try:
        html = pages.html("/")
    finally:
        pages.site.must_use("theme.php", "")
    has(html, f'<span class="jarshy-count" data-jarshy-count="wp-{pages.public}"></span>')
    has(html, f'<script async src="{ESCAPED}/views.js" data-article=""></script>')
    for post in posts[1:]:
        if f'"wp-{post}"' in html:
            raise Broken(f"wp-{post} is not public and has a number")
    if "/v/wp-" in html:
        raise Broken("a list would count")


def test_protected_after_its_password(pages):
    """A protected post is not counted for those who know its password either."""
    cookie = pages.site.php(
        "require_once ABSPATH . WPINC . '/class-phpass.php';"
        "return 'wp-postpass_' . COOKIEHASH . '=' . urlencode((new PasswordHash(8, true))->HashPassword('сыр'));")
    html = pages.post(pages.protected, headers={"Cookie": cookie})
    has(html, "Тайна.")
    if "data-article" in html or "jarshy-count" in html:
        raise Broken("it would be counted")


def test_settings(pages):
    """Without an address nothing is put anywhere; prefix, types, place and label are settings."""
    site = pages.site
    site.constants()
    html = pages.post(pages.public)
    if "data-article" in html or "jarshy-count" in html or "[jarshy" in html:
        raise Broken("without JARSHY_URL there is something")
    site.constants(JARSHY_URL="https://feeds.example/", JARSHY_PREFIX="qaz", JARSHY_TYPES="post, page",
                   JARSHY_COUNT="after", JARSHY_COUNT_LABEL="<Оқылды>: ")
    html = pages.html(f"/?page_id={pages.page}")
    has(html, f'<script async src="https://feeds.example/views.js" data-article="qaz-{pages.page}"></script>')
    has(html, '<p class="jarshy-views">&lt;Оқылды&gt;: <span')
    if html.index("jarshy-views") < html.index("<p>Редакция.</p>"):
        raise Broken("the number stands before the text")


def test_update_services(pages):
    """With JARSHY_PING jarshy is an update service of WordPress, once, and not shown to be saved."""
    site, asked = pages.site, "return get_option('ping_sites');"
    site.constants(JARSHY_URL="https://feeds.example", JARSHY_PING="http://127.0.0.1:1/ping")
    try:
        is_equal(site.php(asked), "http://127.0.0.1:1/ping")
        site.set_option("ping_sites", "http://rpc.example/\nhttp://127.0.0.1:1/ping")
        is_equal(site.php(asked), "http://rpc.example/\nhttp://127.0.0.1:1/ping")
        site.set_option("ping_sites", "http://rpc.example/")
        is_equal(site.php(asked), "http://rpc.example/\nhttp://127.0.0.1:1/ping")
        shown = site.php("define('WP_ADMIN', true); " + asked)
        is_equal(shown, "http://rpc.example/")
    finally:
        site.set_option("ping_sites", "")


def unescaped(answer):
    return json.dumps(json.loads(answer), ensure_ascii=False)


def has(html, wanted):
    if wanted not in html:
        near = [line.strip()[:300] for line in html.splitlines() if "jarshy" in line or "views.js" in line]
        raise Broken(f"it has no {wanted}; near: {near}")
