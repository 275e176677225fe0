-- The core. Times are milliseconds since 1970 (UTC), JSON is text.
-- A message's key is log << 32 | seq, so that the rows of a log lie together and a context is one range scan. A session's log has
-- the session's number; a fork will add a table of segments beside it.

CREATE TABLE counters (              -- names of token counters, so that a message's row holds a small integer
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE sessions (
    number           INTEGER PRIMARY KEY AUTOINCREMENT,   -- never reused
    id               TEXT NOT NULL UNIQUE,
    app              TEXT NOT NULL,
    interface_type   TEXT NOT NULL,
    conversation_id  TEXT NOT NULL,
    external_user_id TEXT,
    external_chat_id TEXT,
    status           TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'expired')),
    token_limit      INTEGER NOT NULL,
    tokenizer        TEXT NOT NULL,
    lifetime_ms      INTEGER,
    created_ms       INTEGER NOT NULL,
    active_ms        INTEGER NOT NULL,
    expires_ms       INTEGER,
    closed_ms        INTEGER,
    version          INTEGER NOT NULL,
    generation       INTEGER NOT NULL,
    seq              INTEGER NOT NULL,
    prompt_seq       INTEGER NOT NULL,
    window_start     INTEGER NOT NULL,
    cleared_seq      INTEGER NOT NULL,
    retracted        TEXT,                                -- [[first, last], ...]
    tokens           INTEGER NOT NULL,
    tokens_out       INTEGER NOT NULL,
    window_messages  INTEGER NOT NULL,
    window_tokens    INTEGER NOT NULL,
    summary_tokens   INTEGER NOT NULL,
    fixed_tokens     INTEGER NOT NULL,
    tool_calls       INTEGER NOT NULL,
    errors           INTEGER NOT NULL,
    usage_in         INTEGER NOT NULL,
    usage_out        INTEGER NOT NULL,
    predecessor      TEXT,
    root             INTEGER NOT NULL,
    carry_over       TEXT NOT NULL,
    metadata         TEXT,
    sweep_ms         INTEGER    -- when the cleanup looks again: never later than expires_ms (active) or closed_ms (closed).
                                -- An append slides expires_ms and leaves this alone, so it writes to no index.
) STRICT;
CREATE UNIQUE INDEX sessions_active ON sessions (app, conversation_id, interface_type) WHERE status = 'active';
CREATE INDEX sessions_key ON sessions (app, conversation_id, interface_type, number);
CREATE INDEX sessions_user ON sessions (app, external_user_id) WHERE external_user_id IS NOT NULL;
CREATE INDEX sessions_sweep ON sessions (status, sweep_ms);

CREATE TABLE messages (
    id           INTEGER PRIMARY KEY,      -- log << 32 | seq
    role         INTEGER NOT NULL,         -- 0 system, 1 user, 2 assistant, 3 tool
    content      TEXT,                     -- plain text
    tokens       INTEGER NOT NULL,
    counter      INTEGER NOT NULL,
    created_ms   INTEGER NOT NULL,
    external_id  TEXT,
    parts        TEXT,                     -- JSON, where the content is a list of parts
    tool_calls   TEXT,                     -- JSON
    tool_call_id TEXT,
    name         TEXT,
    author_id    TEXT,
    metadata     TEXT,                     -- JSON
    erased       INTEGER                   -- 1: a tombstone
) STRICT;
CREATE INDEX messages_author ON messages (author_id) WHERE author_id IS NOT NULL;

CREATE TABLE external_ids (                -- unique under a key, across successors
    root        INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    message     INTEGER NOT NULL,
    PRIMARY KEY (root, external_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE calls (                       -- which tool calls a log has had
    log     INTEGER NOT NULL,
    call_id TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (log, call_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE summaries (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    session       INTEGER NOT NULL,
    from_seq      INTEGER NOT NULL,
    to_seq        INTEGER NOT NULL,
    text          TEXT NOT NULL,
    method        TEXT NOT NULL,
    tokens        INTEGER NOT NULL,
    counter       TEXT NOT NULL,
    tokens_before INTEGER NOT NULL,
    duration_ms   REAL NOT NULL,
    source        TEXT,
    data          TEXT,                    -- JSON: what its maker needs to fold it; only while it is live
    authors       TEXT,                    -- JSON: ids of those whose messages it tells of
    live          INTEGER NOT NULL,
    created_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX summaries_carried ON summaries (session) WHERE from_seq = 0;
CREATE INDEX summaries_session ON summaries (session, number);
CREATE INDEX summaries_live ON summaries (session, from_seq, number) WHERE live = 1;

CREATE TABLE session_states (
    session INTEGER PRIMARY KEY,
    value   TEXT NOT NULL
) STRICT;

CREATE TABLE user_states (
    app              TEXT NOT NULL,
    interface_type   TEXT NOT NULL,
    external_user_id TEXT NOT NULL,
    value            TEXT NOT NULL,
    PRIMARY KEY (app, interface_type, external_user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    session      INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    duration_ms  REAL,
    outcome      TEXT,
    tool_call_id TEXT,
    tokens_in    INTEGER NOT NULL,
    tokens_out   INTEGER NOT NULL,
    data         TEXT
) STRICT;
CREATE INDEX events_session ON events (session, number);

CREATE TABLE api_keys (
    id               TEXT PRIMARY KEY,    -- no secret: it finds the row
    digest           BLOB NOT NULL,       -- SHA-256 of the secret: 256 random bits, which nobody can guess, need no slow hash
    app              TEXT NOT NULL,
    scope            TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    external_user_id TEXT,                -- reaches this user's sessions only
    label            TEXT,
    created_ms       INTEGER NOT NULL,
    revoked_ms       INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE garbage (                     -- logs whose session is gone and whose rows are still being removed, in slices
    log INTEGER PRIMARY KEY
) STRICT;
