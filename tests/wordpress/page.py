"""A reader's browser on WordPress's pages: what counts as a view, and the number under the headline."""

import contextlib

from browser import Browser
from jarshy import Broken, Jarshy, is_equal, until

# The page tells nginx when it has loaded, and how: by then an async script has run.
MARK = """<?php add_action('wp_footer', function () { ?>
<script>addEventListener('load', function () {
  fetch('/mark-' + (document.prerendering ? 'prerendered' : 'shown') + '-<?php echo get_queried_object_id(); ?>');
});</script>
<?php });"""
MARKS = "location /mark- { return 204; }\n"
PRERENDER = """<?php add_action('wp_footer', function () { ?>
<script type="speculationrules">{"prerender": [{"source": "list", "urls": [%s], "eagerness": "immediate"}]}</script>
<?php });"""
# As deploy/README.md has it, for counting under the newsroom's own address.
OWN_ADDRESS = """
location ~ ^/(v/|count|views\\.js$) {
  proxy_pass http://%s;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_next_upstream off;
  gzip off;
}
"""


class Reader:
    """A browser on the site, with jarshy beside it."""

    def __init__(self, site, jarshy, browser, folder):
        self.site, self.jarshy, self.browser, self.folder = site, jarshy, browser, folder

    def article(self, title, carried_over=0):
        """A post, known to jarshy; the page's address and the article's id."""
        post = self.site.publish(title, "<p>Текст.</p>", sections=["Общество"])
        url = self.site.permalink(post)
        status, _, body = self.jarshy.put(f"wp-{post}", {
            "title": title, "url": url, "published_at": "2026-11-20T10:00:00Z", "status": "published",
            "body_html": "<p>Текст.</p>", "language": "ru", "carried_over_views": carried_over})
        if status != 201:
            raise Broken(f"PUT wp-{post}: {status} {body[:200]!r}")
        return url, f"wp-{post}"

    def sees(self, number):
        """Waits until the number stands under the headline."""
        # Not WebDriver's text of an element, which makes spaces of what numbers are parted by.
        shown = lambda: self.browser.run(  # noqa: E731
            "return Array.from(document.querySelectorAll('.jarshy-views'), e => e.textContent)")
        try:
            until("the number", 15, lambda: shown() == [f"Количество просмотров: {number}"])
        except Broken as broken:
            raise Broken(f"{broken}: {shown()}, not {number!r}; {self.browser.console()}") from None

    def hits(self):
        return sum(self.jarshy.verdicts().values())

    def has_hits(self, before, **verdicts):
        """Waits until exactly these hits have come since `before`, and no other."""
        def news():
            now = self.jarshy.verdicts()
            return {name: n - before.get(name, 0) for name, n in now.items() if n != before.get(name, 0)}

        try:
            until("the hits", 15, lambda: sum(news().values()) >= sum(verdicts.values()))
        except Broken:
            pass
        if news() != verdicts:
            raise Broken(f"the hits are {news()}, not {verdicts}")

    def marked(self, how, article):
        mark = f"/mark-{how}-{article.removeprefix('wp-')}"
        until(f"the page says {mark}", 30, lambda: any(path == mark for _, path, _, _ in self.site.requests()))

    def is_quiet(self):
        """Nothing is wrong with the page, as far as its console knows."""
        wrong = [text for level, text in self.browser.console() if level in ("SEVERE", "WARNING")]
        if wrong:
            raise Broken(f"the console says {wrong}")


@contextlib.contextmanager
def world(site, folder):
    with Jarshy(folder, site) as jarshy, Browser(folder / "chromium") as browser:
        site.plugin(jarshy.url, JARSHY_COUNT="before")
        site.must_use("mark.php", MARK)
        site.front(MARKS)
        try:
            yield (Reader(site, jarshy, browser, folder),)
        finally:
            for name in ("jarshy-views.php", "mark.php", "prerender.php"):
                site.must_use(name, "")
            site.constants()
            site.front("")
            site.page_cache(False)


def test_view(reader):
    """A page that is shown counts once, and the number under the headline has that view, in Russian."""
    url, article = reader.article("Открыт мост", carried_over=12344)
    before = reader.jarshy.verdicts()
    reader.browser.open(url)
    reader.sees("12\u00a0345")
    reader.has_hits(before, counted=1)
    is_equal(reader.jarshy.counted(article), 1)
    reader.is_quiet()


def test_reload(reader):
    """A reload and a double click within 30 s are repeats."""
    url, article = reader.article("Перезагрузка")
    before = reader.jarshy.verdicts()
    reader.browser.open(url)
    reader.sees("1")
    reader.browser.reload()
    reader.has_hits(before, counted=1, repeat=1)
    reader.browser.open(url)
    reader.has_hits(before, counted=1, repeat=2)
    is_equal(reader.jarshy.counted(article), 1)
    reader.sees("1")


def test_back(reader):
    """A page that comes back from the back/forward cache is a view again, and within 30 s a repeat."""
    url, article = reader.article("Назад")
    other, _ = reader.article("Вперёд")
    before = reader.jarshy.verdicts()
    reader.browser.open(url)
    reader.sees("1")
    reader.browser.run("addEventListener('pageshow', function (e) { window.restored = e.persisted; });")
    reader.browser.open(other)
    reader.has_hits(before, counted=2)
    reader.browser.back()
    if reader.browser.run("return window.restored") is not True:
        raise Broken("the page did not come from the back/forward cache, so nothing was tried")
    reader.has_hits(before, counted=2, repeat=1)
    # The same with the window over: the daemon's clock is a real one here, so it is made short.
    reader.jarshy.reload('\n[views]\nrepeat_window = "1ms"\n')
    reader.browser.open(other)
    until("the settings", 15, lambda: settled(reader, other))
    before = reader.jarshy.verdicts()
    reader.browser.open(url)
    reader.has_hits(before, counted=1)
    reader.browser.run("addEventListener('pageshow', function (e) { window.restored = e.persisted; });")
    reader.browser.open(other)
    reader.browser.back()
    reader.has_hits(before, counted=3)
    is_equal(reader.browser.run("return window.restored"), True)
    reader.sees("3")
    is_equal(reader.jarshy.counted(article), 3)
    reader.jarshy.reload("")
    until("the settings", 15, lambda: not settled(reader, other))
    reader.is_quiet()


def settled(reader, url):
    """Whether a reload now counts: the short window has arrived."""
    before = reader.jarshy.verdicts()
    reader.browser.open(url)
    until("a hit", 15, lambda: sum(reader.jarshy.verdicts().values()) > sum(before.values()))
    return reader.jarshy.verdicts().get("counted", 0) > before.get("counted", 0)


def test_prerender(reader):
    """A prerendered page counts when it is shown, once, and never before."""
    url, _ = reader.article("Откуда")
    other, article = reader.article("Заранее", carried_over=7)
    reader.site.must_use("prerender.php", PRERENDER % f'"{other}"')
    before = reader.jarshy.verdicts()
    reader.browser.open(url)
    reader.marked("prerendered", article)
    reader.has_hits(before, counted=1)
    is_equal(reader.jarshy.counted(article), 0)
    reader.site.must_use("prerender.php", "")
    reader.browser.run("location.href = arguments[0]", other)
    until("the page is shown", 15, lambda: reader.browser.url() == other)
    if not reader.browser.run("return performance.getEntriesByType('navigation')[0].activationStart"):
        raise Broken("the page was not prerendered, so nothing was tried")
    reader.sees("8")
    reader.has_hits(before, counted=2)
    is_equal(reader.jarshy.counted(article), 1)
    reader.is_quiet()


def test_prerender_unseen(reader):
    """A prerendered page that is never shown is never counted."""
    url, _ = reader.article("Отсюда")
    other, article = reader.article("Никогда")
    elsewhere, _ = reader.article("В другое место")
    reader.site.must_use("prerender.php", PRERENDER % f'"{other}"')
    before = reader.jarshy.verdicts()
    reader.browser.open(url)
    reader.marked("prerendered", article)
    reader.site.must_use("prerender.php", "")
    reader.browser.open(elsewhere)
    reader.sees("1")
    reader.has_hits(before, counted=2)
    is_equal(reader.jarshy.counted(article), 0)


def test_page_cache(reader):
    """Behind nginx's page cache every view counts, and the number is the newest, not the cached one."""
    url, article = reader.article("Из кэша", carried_over=40)
    reader.site.page_cache(True)
    try:
        path = url.removeprefix(reader.site.url)
        is_equal([reader.site.get(path)[1]["x-page-cache"] for _ in range(2)], ["MISS", "HIT"])
        for address in ("21.0.0.1", "21.0.0.2"):
            is_equal(reader.jarshy.hit(article, address)[0], 204)
        before = reader.jarshy.verdicts()
        reader.browser.open(url)
        reader.sees("43")
        reader.has_hits(before, counted=1)
    finally:
        reader.site.page_cache(False)
    reader.is_quiet()


def test_scripts_off(reader):
    """Where scripts are off, the pixel counts."""
    url, article = reader.article("Без скриптов")
    before = reader.jarshy.verdicts()
    pixels = reader.jarshy.series("jarshy_article_views_total", "channel")["pixel"]
    with Browser(reader.folder / "chromium-plain", scripts=False) as plain:
        plain.open(url)
        is_equal(plain.text("h1"), ["Без скриптов"])
        reader.has_hits(before, counted=1)
    is_equal(reader.jarshy.counted(article), 1)
    is_equal(reader.jarshy.series("jarshy_article_views_total", "channel")["pixel"], pixels + 1)


def test_own_address(reader):
    """Under the newsroom's own address, through nginx, a page counts too."""
    url, article = reader.article("Свой адрес")
    reader.site.constants(JARSHY_URL=reader.site.url, JARSHY_COUNT="before")
    reader.site.front(MARKS + OWN_ADDRESS % reader.jarshy.address)
    before = reader.jarshy.verdicts()
    try:
        reader.browser.open(url)
        reader.sees("1")
    finally:
        reader.site.constants(JARSHY_URL=reader.jarshy.url, JARSHY_COUNT="before")
        reader.site.front(MARKS)
    reader.has_hits(before, counted=1)
    is_equal(reader.jarshy.counted(article), 1)
    reader.is_quiet()


def test_away(reader):
    """Where jarshy is away, the page is shown as it is."""
    url, _ = reader.article("Без жаршы")
    reader.jarshy.end()
    try:
        reader.browser.open(url)
        is_equal(reader.browser.text("h1"), ["Без жаршы"])
    finally:
        reader.jarshy.start()
    wrong = [text for level, text in reader.browser.console() if level == "SEVERE" and "ERR_CONNECTION_REFUSED" not in text]
    if wrong:
        raise Broken(f"the console says {wrong}")
