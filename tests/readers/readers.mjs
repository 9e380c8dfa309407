// Reads each file named on standard input with two readers of others, and prints what they make of
// it: a line of JSON for each file and reader.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseFeed } from "feedsmith";
import RssParser from "rss-parser";

const list = (value) => (value == null ? [] : Array.isArray(value) ? value : [value]);
const seconds = (date) => (date ? Math.round(new Date(date).getTime() / 1000) : null);
const size = (length) => (Number(length) > 0 ? Number(length) : null);

function feedsmith(text) {
  const { format, feed } = parseFeed(text);
  if (format === "rss") return list(feed.items).map(ofRss);
  if (format === "atom") return list(feed.entries).map(ofAtom);
  return list(feed.items).map(ofJson);
}

const ofRss = (item) => ({
  id: item.guid?.value,
  title: item.title,
  link: item.link,
  published: seconds(item.pubDate),
  authors: list(item.dc?.creators ?? item.dc?.creator),
  categories: list(item.categories).map((category) => category.name),
  body: item.content?.encoded,
  enclosures: list(item.enclosures).map((e) => [e.url, e.type, size(e.length)]),
});

const ofAtom = (entry) => ({
  id: entry.id,
  title: entry.title?.value ?? entry.title,
  link: list(entry.links).find((link) => link.rel === "alternate")?.href,
  published: seconds(entry.published),
  authors: list(entry.authors).map((author) => author.name),
  categories: list(entry.categories).map((category) => category.term),
  body: entry.content?.value ?? entry.content,
  enclosures: list(entry.links)
    .filter((link) => link.rel === "enclosure")
    .map((link) => [link.href, link.type, size(link.length)]),
});

const ofJson = (item) => ({
  id: item.id,
  title: item.title,
  link: item.url,
  published: seconds(item.date_published),
  authors: list(item.authors).map((author) => author.name),
  categories: list(item.tags),
  body: item.content_html,
  enclosures: list(item.attachments).map((a) => [a.url, a.mime_type, size(a.size_in_bytes)]),
});

const parser = new RssParser({
  customFields: { item: [["dc:creator", "creators", { keepArray: true }]] },
});

async function rssParser(text) {
  const feed = await parser.parseString(text);
  return feed.items.map((item) => ({
    id: item.guid ?? item.id,
    title: item.title,
    link: item.link,
    published: seconds(item.isoDate),
    // It keeps one author of Atom.
    authors: item.creators ?? list(item.author),
    categories: list(item.categories).map((c) => c._ ?? c.$?.term ?? c),
    body: item["content:encoded"] ?? item.content,
    enclosures: item.enclosure ? [[item.enclosure.url, item.enclosure.type, size(item.enclosure.length)]] : [],
  }));
}

for await (const file of createInterface({ input: process.stdin })) {
  const text = readFileSync(file, "utf8");
  const readers = file.endsWith(".json") ? { feedsmith } : { feedsmith, "rss-parser": rssParser };
  for (const [reader, read] of Object.entries(readers)) {
    let said;
    try {
      said = { entries: await read(text) };
    } catch (error) {
      said = { fault: String(error) };
    }
    console.log(JSON.stringify({ file, reader, ...said }));
  }
}
