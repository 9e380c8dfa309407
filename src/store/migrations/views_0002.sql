-- Hits for articles that have not arrived yet, and the first verdicts of hits that carried an
-- Idempotency-Key. In a batch they are "parked": [[article, hour, channel, n]], n below zero where
-- they leave again, and "keys": [[number, hash, verdict, at]]; both are missing where there are none.
CREATE VIEW unfolded_parked AS
  SELECT b.seq AS seq, p.value->>0 AS article, p.value->>1 AS hour, p.value->>2 AS channel,
         p.value->>3 AS n
  FROM batches b, json_each(b.hits, '$.parked') p;

CREATE VIEW unfolded_keys AS
  SELECT b.seq AS seq, k.value->>0 AS number, k.value->>1 AS hash, k.value->>2 AS verdict,
         k.value->>3 AS at
  FROM batches b, json_each(b.hits, '$.keys') k;

CREATE TABLE parked (
  article TEXT NOT NULL,
  hour BIGINT NOT NULL,                -- of the hits, hours since 1970-01-01T00Z
  channel TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (article, hour, channel)
) @KEYED;

CREATE TABLE idempotency_keys (
  number BIGINT PRIMARY KEY,           -- grows: the oldest are forgotten by it
  hash TEXT NOT NULL,                  -- of the key and what the hit named, 32 hexadecimal digits
  verdict TEXT NOT NULL,
  at BIGINT NOT NULL
) @STRICT;
