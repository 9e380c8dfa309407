"""An export of WordPress (WXR) as the rows it came from, so that a site can be filled with it again."""

import gzip
import xml.etree.ElementTree as xml
from pathlib import Path

FULL = Path(__file__).resolve().parents[1] / "data" / "wordpress" / "full.wxr.xml.gz"
WP = "{http://wordpress.org/export/1.2/}"
EXCERPT = "{http://wordpress.org/export/1.2/excerpt/}encoded"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"


def rows(posts_max, path=FULL):
    """Users, terms and posts: the first so many posts, and every attachment and page."""
    with gzip.open(path) as file:
        channel = xml.parse(file).getroot().find("channel")
    users = [{"id": number(a, "author_id"), "login": text(a, "author_login"),
              "email": text(a, "author_email"), "name": text(a, "author_display_name")}
             for a in channel.findall(f"{WP}author")]
    terms, by_slug = terms_of(channel)
    logins = {user["login"]: user["id"] for user in users}
    posts, sticky, left = [], [], posts_max
    for item in channel.findall("item"):
        kind = text(item, "post_type")
        if kind not in ("post", "attachment", "page") or (kind == "post" and left == 0):
            continue
        left -= kind == "post"
        posts.append(post_of(item, kind, logins, by_slug))
        if text(item, "is_sticky") == "1":
            sticky.append(number(item, "post_id"))
    # The administrator stays as he was installed.
    users = [user for user in users if user["id"] != 1]
    return {"users": users, "terms": terms, "posts": posts, "sticky": sticky}


def terms_of(channel):
    shapes = [("category", "category", "category_nicename", "cat_name", "category_description"),
              ("tag", "post_tag", "tag_slug", "tag_name", "tag_description")]
    terms, by_slug, parents = [], {}, {}
    for element, taxonomy, slug, name, description in shapes:
        for one in channel.findall(WP + element):
            term = {"id": number(one, "term_id"), "taxonomy": taxonomy, "slug": text(one, slug),
                    "name": text(one, name), "description": text(one, description), "parent": 0}
            terms.append(term)
            by_slug[taxonomy, term["slug"]] = term["id"]
            parents[term["id"]] = text(one, "category_parent")
    for term in terms:
        term["parent"] = by_slug.get(("category", parents[term["id"]]), 0)
    return terms, by_slug


def post_of(item, kind, logins, by_slug):
    meta = [(text(one, "meta_key"), text(one, "meta_value")) for one in item.findall(f"{WP}postmeta")]
    file = dict(meta).get("_wp_attached_file", "")
    terms = [by_slug.get((one.get("domain"), one.get("nicename"))) for one in item.findall("category")]
    return {
        "ID": number(item, "post_id"), "post_author": logins.get(item.findtext(CREATOR), 0),
        "post_date": text(item, "post_date"), "post_date_gmt": text(item, "post_date_gmt"),
        "post_modified": text(item, "post_modified"),
        "post_modified_gmt": text(item, "post_modified_gmt"),
        "post_content": item.findtext(CONTENT) or "", "post_excerpt": item.findtext(EXCERPT) or "",
        "post_title": item.findtext("title") or "", "post_status": text(item, "status"),
        "post_name": text(item, "post_name"), "post_type": kind,
        "post_parent": number(item, "post_parent"), "menu_order": number(item, "menu_order"),
        "post_password": text(item, "post_password"), "guid": item.findtext("guid") or "",
        "comment_status": text(item, "comment_status"), "ping_status": text(item, "ping_status"),
        "post_mime_type": mime(file) if kind == "attachment" else "",
        "meta": meta, "terms": [term for term in terms if term],
    }


def mime(file):
    ends = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
            "webp": "image/webp", "mp3": "audio/mpeg", "mp4": "video/mp4", "pdf": "application/pdf"}
    return ends.get(file.rsplit(".", 1)[-1].lower(), "application/octet-stream")


def text(element, name):
    return element.findtext(WP + name) or ""


def number(element, name):
    return int(text(element, name) or 0)
