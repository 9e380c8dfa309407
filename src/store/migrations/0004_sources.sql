-- How far the pulls of each declared source are. identity is what the cursor belongs to: with another
-- address or prefix a source begins anew.
CREATE TABLE sources (
  name TEXT PRIMARY KEY,
  identity TEXT NOT NULL,
  cursor TEXT NOT NULL,                -- the source's own text, often JSON; empty at first
  last_attempt_at BIGINT,
  last_success_at BIGINT,
  failures BIGINT NOT NULL,            -- in a row
  last_error TEXT,                     -- NULL after a success
  note TEXT,                           -- what the owner of the settings should know
  due_at BIGINT,
  is_gone BIGINT NOT NULL              -- 1 when the source said that it is gone for good
) @STRICT;
