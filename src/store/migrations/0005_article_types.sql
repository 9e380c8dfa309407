-- Of which of its source's own types (WordPress: posts, pages …) an article is. A source whose settings
-- no longer name a type leaves its articles as they are.
CREATE TABLE article_types (
  article TEXT PRIMARY KEY,
  type TEXT NOT NULL
) @STRICT;
