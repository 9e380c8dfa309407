-- views.db. One writer. A batch is what was committed together and is not yet in the counts.
-- hits is JSON: {"views": [[article, hour, section, channel, n]], "verdicts": [[article, day, verdict, n]]};
-- the article of a verdict is empty where no article was known.
CREATE TABLE batches (seq BIGINT PRIMARY KEY, hits TEXT NOT NULL) @STRICT;

CREATE VIEW unfolded_views AS
  SELECT b.seq AS seq, v.value->>0 AS article, v.value->>1 AS hour, v.value->>2 AS section,
         v.value->>3 AS channel, v.value->>4 AS n
  FROM batches b, json_each(b.hits, '$.views') v;

CREATE VIEW unfolded_verdicts AS
  SELECT b.seq AS seq, v.value->>0 AS article, v.value->>1 AS day, v.value->>2 AS verdict,
         v.value->>3 AS n
  FROM batches b, json_each(b.hits, '$.verdicts') v;

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

-- Of all hits, counted ones too.
CREATE TABLE verdict_counts (verdict TEXT PRIMARY KEY, n BIGINT NOT NULL) @STRICT;

-- Of known articles; counted ones are in views. Days since 1970-01-01Z.
CREATE TABLE verdict_days (
  article TEXT NOT NULL, day BIGINT NOT NULL, verdict TEXT NOT NULL, n BIGINT NOT NULL,
  PRIMARY KEY (article, day, verdict)
) @KEYED;
