-- A database of schema 1, as its daemon left it.
BEGIN TRANSACTION;
CREATE TABLE article_counts (article TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "article_counts" VALUES('flood',7);
INSERT INTO "article_counts" VALUES('school',1);
CREATE TABLE batches (seq INTEGER PRIMARY KEY, hits TEXT NOT NULL) STRICT;
INSERT INTO "batches" VALUES(4711,'{"verdicts":[],"views":[["flood",498756,"Общество","script",1]]}');
CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE section_counts (
  section TEXT NOT NULL, channel TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (section, channel)
) STRICT, WITHOUT ROWID;
INSERT INTO "section_counts" VALUES('Общество','pixel',1);
INSERT INTO "section_counts" VALUES('Общество','script',7);
CREATE TABLE section_labels (section TEXT PRIMARY KEY, place INTEGER NOT NULL) STRICT;
INSERT INTO "section_labels" VALUES('Общество',0);
CREATE TABLE verdict_counts (verdict TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
INSERT INTO "verdict_counts" VALUES('bot',1);
INSERT INTO "verdict_counts" VALUES('counted',8);
CREATE TABLE verdict_days (
  article TEXT NOT NULL, day INTEGER NOT NULL, verdict TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (article, day, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO "verdict_days" VALUES('school',20781,'bot',1);
CREATE TABLE views (
  article TEXT NOT NULL,
  hour INTEGER NOT NULL,                -- hours since 1970-01-01T00Z
  section TEXT NOT NULL,               -- the article's first at the time of the hit; empty is none
  channel TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (article, hour, section, channel)
) STRICT, WITHOUT ROWID;
INSERT INTO "views" VALUES('flood',498756,'Общество','script',7);
INSERT INTO "views" VALUES('school',498756,'Общество','pixel',1);
CREATE VIEW unfolded_views AS
  SELECT b.seq AS seq, v.value->>0 AS article, v.value->>1 AS hour, v.value->>2 AS section,
         v.value->>3 AS channel, v.value->>4 AS n
  FROM batches b, json_each(b.hits, '$.views') v;
CREATE VIEW unfolded_verdicts AS
  SELECT b.seq AS seq, v.value->>0 AS article, v.value->>1 AS day, v.value->>2 AS verdict,
         v.value->>3 AS n
  FROM batches b, json_each(b.hits, '$.verdicts') v;
CREATE INDEX views_hour ON views (hour);
COMMIT;
