"""What is compared, and how: a document as a reader of others has it, with the article it is made of."""

import calendar
import datetime
import html
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import feedparser
import jsonschema

ATOM = "{http://www.w3.org/2005/Atom}"
# A reader that cleans HTML for its users would show us its own work.
feedparser.SANITIZE_HTML = 0
feedparser.RESOLVE_RELATIVE_URIS = 0


def older(path, body):
    """The address of the page before this one in the feed's history, if there is one."""
    if path.endswith(".json"):
        return json.loads(body).get("next_url")
    links = ElementTree.fromstring(body).iter(f"{ATOM}link")
    return next((link.get("href") for link in links if link.get("rel") == "prev-archive"), None)


def ill_formed(files):
    for start in range(0, len(files), 100):
        done = subprocess.run(["xmllint", "--noout", "--nonet", "--huge", *files[start:start + 100]],
                              capture_output=True, text=True)
        if done.returncode:
            yield done.stderr[:400]


def off_schema(files, schema):
    validator = jsonschema.Draft7Validator(json.loads(schema.read_text()))
    for file in files:
        document = json.loads(open(file, encoding="utf-8").read())
        for error in validator.iter_errors(document):
            yield f"{file}: {'/'.join(map(str, error.absolute_path))} {error.message[:200]}"


def readings(files, here, node):
    """What each reader makes of each file, by reader."""
    found = {}
    said = subprocess.run(["node", "readers.mjs"], cwd=node, input="\n".join(files), text=True,
                          capture_output=True)
    if said.returncode:
        raise OSError(f"the npm readers: {said.stderr[-600:]}")
    for told in filter(None, said.stdout.split("\n")):
        told = json.loads(told)
        entries = told.get("entries", told.get("fault"))
        found.setdefault(told["reader"], []).append((told["file"], entries))
    for file in files:
        if not file.endswith(".json"):
            found.setdefault("feedparser", []).append((file, by_feedparser(file)))
    return found


def by_feedparser(file):
    feed = feedparser.parse(open(file, "rb").read())
    if feed.bozo:
        return str(feed.bozo_exception)
    return [of_feedparser(entry) for entry in feed.entries]


def of_feedparser(entry):
    length = lambda e: int(e.get("length") or 0) or None  # noqa: E731
    return {
        "id": entry.get("id"),
        "title": html.unescape(entry.get("title", "")),
        "link": entry.get("link"),
        "published": calendar.timegm(entry.published_parsed) if entry.get("published_parsed") else None,
        # A name that is an address it takes for one.
        "authors": [a.get("name") or a.get("email") for a in entry.get("authors", []) if a],
        "categories": [tag.term for tag in entry.get("tags", [])],
        "body": entry.content[0].value if entry.get("content") else None,
        "enclosures": [[e.href, e.type, length(e)] for e in entry.get("enclosures", [])],
    }


def line(text):
    """Words with one space between them: feeds carry titles in one line."""
    return " ".join((text or "").split())


def seconds(date):
    return int(datetime.datetime.fromisoformat(date.replace("Z", "+00:00")).timestamp() // 1)


def wanted(article):
    """What a reader should make of an article."""
    names = [line(author["name"]) for author in article["authors"] if line(author["name"])]
    words = []
    for word in map(line, article["sections"] + article["tags"]):
        if word and word not in words:
            words.append(word)
    return {
        "title": line(article["title"]),
        "published": seconds(article["published_at"]),
        "authors": names or [line(article["byline"])] if names or line(article.get("byline")) else [],
        "categories": words,
        "body": article["body_html"],
    }


def differences(reader, file, entries, articles):
    """What a reader has otherwise than the article; a fault of the reader is the text it gave."""
    if isinstance(entries, str):
        yield entries
        return
    is_json, is_atom = file.endswith(".json"), file.endswith(".atom")
    is_short = "headlines" in file
    for entry in entries:
        article = articles.get(entry.get("id")) or (is_atom and by_link(articles, entry.get("link"))) or None
        if not article:
            yield f"{entry['id']} is no article"
            continue
        want = wanted(article)
        # Of an Atom entry rss-parser knows one author, and neither categories nor enclosures.
        knows_less = reader == "rss-parser" and is_atom
        for field in ("published", "authors") if knows_less else ("published", "authors", "categories"):
            got = entry.get(field)
            if field == "authors" and knows_less:
                got, want[field] = got[:1], want[field][:1]
            if got != want[field]:
                yield f"{entry['id']} {field}: {got!r}, not {want[field]!r}"
        if want["title"] and line(strip(reader, entry.get("title"))) != want["title"]:
            yield f"{entry['id']} title: {entry['title']!r}, not {want['title']!r}"
        if not same_link(entry.get("link"), article["url"]):
            yield f"{entry['id']} link: {entry['link']!r}, not {article['url']!r}"
        if not is_short and (entry.get("body") or "").strip() != want["body"].strip() and want["body"].strip():
            yield f"{entry['id']} body: {(entry['body'] or '')[:80]!r}, not {want['body'][:80]!r}"
        if not knows_less:
            yield from off_enclosures(entry, article, is_json)


def strip(reader, title):
    return html.unescape(title or "")


def by_link(articles, link):
    return next((a for a in articles.values() if same_link(link, a["url"])), None)


def same_link(told, url):
    return told == url or unquoted(told) == unquoted(url)


def unquoted(url):
    from urllib.parse import unquote
    return unquote(url or "")


def off_enclosures(entry, article, is_json):
    files = {unquoted(m["url"]): m for m in article["media"]}
    for url, kind, length in entry["enclosures"]:
        media = files.get(unquoted(url))
        if not media:
            yield f"{entry['id']} enclosure: {url} is none of the article's files"
        elif length != (media.get("bytes") or None) or not kind:
            yield f"{entry['id']} enclosure: {url} {kind} {length}, not {media.get('bytes')}"
    roles = [m["role"] for m in article["media"]]
    offered = "enclosure" in roles or ("lead" in roles and not is_json)
    if offered and not entry["enclosures"]:
        yield f"{entry['id']} has no enclosure"

