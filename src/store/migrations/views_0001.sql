-- views.db. One writer. A batch is what was committed together and is not yet in the counts.
CREATE TABLE batches (seq BIGINT PRIMARY KEY, hits BYTEA NOT NULL) @STRICT;

CREATE TABLE views (
  article TEXT NOT NULL,
  hour BIGINT NOT NULL,                -- hours since 1970-01-01T00Z
  section TEXT NOT NULL,               -- the article's first at the time of the hit; empty is none
  channel TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (article, hour, section, channel)
) @KEYED;
CREATE INDEX views_hour ON views (hour);

CREATE TABLE article_counts (article TEXT PRIMARY KEY, n BIGINT NOT NULL) @KEYED;

CREATE TABLE section_counts (
  section TEXT NOT NULL, channel TEXT NOT NULL, n BIGINT NOT NULL,
  PRIMARY KEY (section, channel)
) @KEYED;

-- Order of first appearance: the first ones keep a label of their own in metrics.
CREATE TABLE section_labels (section TEXT PRIMARY KEY, place BIGINT NOT NULL) @STRICT;

CREATE TABLE verdict_counts (verdict TEXT PRIMARY KEY, n BIGINT NOT NULL) @STRICT;

CREATE TABLE verdict_days (
  article TEXT NOT NULL, day BIGINT NOT NULL, verdict TEXT NOT NULL, n BIGINT NOT NULL,
  PRIMARY KEY (article, day, verdict)
) @KEYED;
