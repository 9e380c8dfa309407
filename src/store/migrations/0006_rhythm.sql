-- The usual time between two entries of a feed, which Cache-Control follows; NULL is not known.
ALTER TABLE documents ADD COLUMN rhythm_seconds BIGINT;
