-- Times are UTC milliseconds. The revision is given out by store_revision inside the transaction
-- that changes an article, so two processes may write.
CREATE TABLE store_revision (n BIGINT NOT NULL) @STRICT;
INSERT INTO store_revision VALUES (0);

CREATE TABLE articles (
  id TEXT PRIMARY KEY,
  revision BIGINT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  guid TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  slug TEXT,
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  body_html TEXT NOT NULL,
  language TEXT NOT NULL,
  family TEXT,
  sections TEXT NOT NULL,              -- JSON, as are tags, authors, media
  tags TEXT NOT NULL,
  authors TEXT NOT NULL,
  byline TEXT,
  source_name TEXT,
  source_url TEXT,
  rights TEXT,
  media TEXT NOT NULL,
  published_at BIGINT,
  updated_at BIGINT NOT NULL,
  embargo_until BIGINT,
  carried_over_views BIGINT,
  carried_over_at BIGINT,
  carried_over_source TEXT,
  title_folded TEXT NOT NULL,          -- lower case by Unicode, which lower() of SQLite is not
  visible_from BIGINT,                 -- when the public may see it; NULL is never
  is_public BIGINT NOT NULL,           -- 1 when that time had come as of this revision
  was_public BIGINT NOT NULL,          -- 1 when the public could ever see it
  editorial_hash BYTEA NOT NULL,       -- of title, summary, body, authors, media
  source TEXT,                         -- who brought it, such as wxr:wp; NULL is the API
  source_hash BYTEA,                   -- of what the source delivered, before cleaning
  source_modified_at BIGINT,
  withdrawn_at BIGINT,
  withdrawn_by TEXT,
  withdrawn_reason TEXT
) @STRICT;
CREATE INDEX articles_published ON articles (published_at, id);
CREATE INDEX articles_url ON articles (url);
CREATE INDEX articles_due ON articles (visible_from) WHERE is_public = 0 AND visible_from IS NOT NULL;

-- Which articles a feed holds. position is fixed when an article first enters.
CREATE TABLE feed_entries (
  feed TEXT NOT NULL,
  article TEXT NOT NULL,
  published BIGINT NOT NULL,
  position BIGINT NOT NULL,
  visible_from BIGINT NOT NULL,
  visible_until BIGINT,
  PRIMARY KEY (feed, article)
) @KEYED;
CREATE INDEX feed_entries_order ON feed_entries (feed, published, article);
CREATE INDEX feed_entries_position ON feed_entries (feed, position);
CREATE INDEX feed_entries_article ON feed_entries (article);
CREATE INDEX feed_entries_until ON feed_entries (visible_until) WHERE visible_until IS NOT NULL;

-- What publish remembers of a feed. auto_name is set for feeds made by themselves.
CREATE TABLE feed_states (
  feed TEXT PRIMARY KEY,
  auto_name TEXT,
  selection TEXT NOT NULL,             -- a changed one is back-filled
  removed_at BIGINT,                   -- when an entry last left
  dirty BIGINT NOT NULL                -- 1 until the documents of the latest change are kept
) @STRICT;

-- Rendered bytes, ready to be served.
CREATE TABLE documents (
  feed TEXT NOT NULL,
  format TEXT NOT NULL,
  identity BYTEA NOT NULL,
  gzip BYTEA NOT NULL,
  brotli BYTEA,
  modified_at BIGINT NOT NULL,         -- when the bytes last changed, whole seconds
  generated_at BIGINT NOT NULL,        -- when they were last made or found to be the same
  newest_at BIGINT,                    -- publication of the newest entry
  guids TEXT NOT NULL,                 -- JSON, newest first: what the guard compares with
  links TEXT NOT NULL,                 -- JSON, in the same order
  PRIMARY KEY (feed, format)
) @STRICT;

-- How far a consumer of the revision log has read.
CREATE TABLE cursors (name TEXT PRIMARY KEY, revision BIGINT NOT NULL) @STRICT;

CREATE TABLE job_runs (
  job TEXT PRIMARY KEY,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  result TEXT,
  note TEXT,
  last_success_at BIGINT
) @STRICT;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  secret_hash BYTEA NOT NULL,          -- SHA-256: the secret has 256 bits of its own
  scope TEXT NOT NULL,
  name TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT
) @STRICT;

CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) @STRICT;
