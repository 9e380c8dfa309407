-- How WordPress called categories, tags and authors in addresses. A row that is new or says
-- something else than before has the greatest version, so that one number tells of a change.
CREATE TABLE old_names (
  kind TEXT NOT NULL,                  -- category, tag, author
  slug TEXT NOT NULL,                  -- decoded, in lower case
  name TEXT NOT NULL,                  -- the word that articles carry
  parent TEXT,                         -- slug of the category above
  number BIGINT,                       -- WordPress's own
  articles BIGINT NOT NULL,            -- how many carried it when it was read
  version BIGINT NOT NULL,
  PRIMARY KEY (kind, slug)
) @STRICT;
