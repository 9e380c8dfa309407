-- Who withdrew or restored which article, and why. Rows are only added; the oldest go beyond a bound.
CREATE TABLE audit (
  revision BIGINT PRIMARY KEY,         -- of the article's change, which is in the same transaction
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,                 -- a token's id, cli, or a source
  action TEXT NOT NULL,                -- withdraw, restore
  article TEXT NOT NULL,
  status_before TEXT NOT NULL,
  reason TEXT
) @STRICT;
CREATE INDEX audit_article ON audit (article, revision);
