-- What stays in prompts word for word, whatever is summarized. The words are copied, so that a pin of another session's message is a
-- row like any other; `author` and `source` are what an erasure finds it by.

CREATE TABLE pins (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,   -- never reused
    session    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,                    -- of the message; 0: a fact, or carried over
    role       TEXT,                                -- of the message; NULL: a fact
    text       TEXT NOT NULL,
    tokens     INTEGER NOT NULL,
    counter    TEXT NOT NULL,
    author_id  TEXT,
    source     TEXT,                                -- carried over: the id of the session that it was made in
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX pins_session ON pins (session, number);
CREATE INDEX pins_author ON pins (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX pins_source ON pins (source) WHERE source IS NOT NULL;

ALTER TABLE sessions ADD COLUMN pins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN pin_tokens INTEGER NOT NULL DEFAULT 0;
