//! From articles to bytes. Pure: `now` is an argument.
