-- Keys under which writes were done, so that they are not done again. Only digests and numbers: nothing that anybody said.

CREATE TABLE idempotency_keys (
    app      TEXT NOT NULL,
    key      BLOB NOT NULL,                -- SHA-256 of it
    request  BLOB NOT NULL,                -- SHA-256 of the key and of what was asked for
    session  INTEGER,                      -- goes with it; NULL: of a write that is about no session, or that removed it
    result   TEXT NOT NULL,                -- JSON: numbers of what was written
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (app, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_session ON idempotency_keys (session) WHERE session IS NOT NULL;
CREATE INDEX idempotency_keys_until ON idempotency_keys (until_ms);
