-- The core, in a schema of its own. Times are milliseconds since 1970 (UTC). JSON is text, for it shall come back as it went in.
-- A message's key is log << 32 | seq, as in the SQLite store: a context is one range of the primary key.

CREATE TABLE counters (              -- names of token counters, so that a message's row holds a small integer
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name   text NOT NULL UNIQUE
);

CREATE SEQUENCE session_numbers;     -- never reused

CREATE TABLE sessions (
    number           bigint PRIMARY KEY,
    id               text NOT NULL UNIQUE,
    app              text NOT NULL,
    interface_type   text NOT NULL,
    conversation_id  text NOT NULL,
    external_user_id text,
    external_chat_id text,
    status           text NOT NULL CHECK (status IN ('active', 'inactive', 'expired')),
    token_limit      bigint NOT NULL,
    tokenizer        text NOT NULL,
    lifetime_ms      bigint,
    created_ms       bigint NOT NULL,
    active_ms        bigint NOT NULL,
    expires_ms       bigint,
    closed_ms        bigint,
    version          bigint NOT NULL,
    generation       bigint NOT NULL,
    seq              bigint NOT NULL,
    prompt_seq       bigint NOT NULL,
    window_start     bigint NOT NULL,
    cleared_seq      bigint NOT NULL,
    retracted        text,                                -- [[first, last], ...]
    tokens           bigint NOT NULL,
    tokens_out       bigint NOT NULL,
    window_messages  bigint NOT NULL,
    window_tokens    bigint NOT NULL,
    summary_tokens   bigint NOT NULL,
    pins             bigint NOT NULL,
    pin_tokens       bigint NOT NULL,
    fixed_tokens     bigint NOT NULL,
    tool_calls       bigint NOT NULL,
    errors           bigint NOT NULL,
    usage_in         bigint NOT NULL,
    usage_out        bigint NOT NULL,
    predecessor      text,
    root             bigint NOT NULL,
    carry_over       text NOT NULL,
    metadata         text,
    sweep_ms         bigint   -- when the cleanup looks again: never later than expires_ms (active) or closed_ms (closed).
                              -- An append slides expires_ms and leaves this alone, so it changes no indexed column and no index.
) WITH (fillfactor = 50);     -- room for the row's next versions on its own page
CREATE UNIQUE INDEX sessions_active ON sessions (app, conversation_id, interface_type) WHERE status = 'active';
CREATE INDEX sessions_key ON sessions (app, conversation_id, interface_type, number);
CREATE INDEX sessions_app ON sessions (app, number);
CREATE INDEX sessions_user ON sessions (app, external_user_id) WHERE external_user_id IS NOT NULL;
CREATE INDEX sessions_predecessor ON sessions (root, predecessor) WHERE predecessor IS NOT NULL;
CREATE INDEX sessions_sweep ON sessions (status, sweep_ms);

CREATE TABLE messages (
    id           bigint PRIMARY KEY,       -- log << 32 | seq
    role         smallint NOT NULL,        -- 0 system, 1 user, 2 assistant, 3 tool
    content      text,                     -- plain text
    tokens       bigint NOT NULL,
    counter      integer NOT NULL,
    created_ms   bigint NOT NULL,
    external_id  text,
    parts        text,                     -- JSON, where the content is a list of parts
    tool_calls   text,                     -- JSON
    tool_call_id text,
    name         text,
    author_id    text,
    metadata     text,                     -- JSON
    erased       smallint                  -- 1: a tombstone
);
CREATE INDEX messages_author ON messages (author_id) WHERE author_id IS NOT NULL;

CREATE TABLE external_ids (                -- unique under a key, across successors
    root        bigint NOT NULL,
    external_id text NOT NULL,
    message     bigint NOT NULL,
    PRIMARY KEY (root, external_id)
);

CREATE TABLE calls (                       -- which tool calls a log has had
    log     bigint NOT NULL,
    call_id text NOT NULL,
    seq     bigint NOT NULL,
    PRIMARY KEY (log, call_id, seq)
);

CREATE TABLE summaries (
    number        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session       bigint NOT NULL,
    from_seq      bigint NOT NULL,
    to_seq        bigint NOT NULL,
    text          text NOT NULL,
    method        text NOT NULL,
    tokens        bigint NOT NULL,
    counter       text NOT NULL,
    tokens_before bigint NOT NULL,
    duration_ms   double precision NOT NULL,
    source        text,
    data          text,                    -- JSON: what its maker needs to fold it; only while it is live
    authors       text,                    -- JSON: ids of those whose messages it tells of
    live          boolean NOT NULL,
    created_ms    bigint NOT NULL
);
CREATE INDEX summaries_carried ON summaries (session) WHERE from_seq = 0;
CREATE INDEX summaries_session ON summaries (session, number);
CREATE INDEX summaries_stand_ins ON summaries (number) WHERE live AND source LIKE '%, in place of %';   -- nearly always empty
CREATE INDEX summaries_live ON summaries (session, from_seq, number) WHERE live;

CREATE TABLE pins (                        -- what stays in prompts word for word; the words are copied
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session    bigint NOT NULL,
    seq        bigint NOT NULL,            -- of the message; 0: a fact, or carried over
    role       text,                       -- of the message; NULL: a fact
    text       text NOT NULL,
    tokens     bigint NOT NULL,
    counter    text NOT NULL,
    author_id  text,
    source     text,                       -- carried over: the id of the session that it was made in
    created_ms bigint NOT NULL
);
CREATE INDEX pins_session ON pins (session, number);
CREATE INDEX pins_author ON pins (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX pins_source ON pins (source) WHERE source IS NOT NULL;

CREATE TABLE session_states (
    session bigint PRIMARY KEY,
    value   text NOT NULL
);

CREATE TABLE user_states (
    app              text NOT NULL,
    interface_type   text NOT NULL,
    external_user_id text NOT NULL,
    value            text NOT NULL,
    PRIMARY KEY (app, interface_type, external_user_id)
);

CREATE TABLE events (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session      bigint NOT NULL,
    kind         text NOT NULL,
    name         text NOT NULL,
    created_ms   bigint NOT NULL,
    duration_ms  double precision,
    outcome      text,
    tool_call_id text,
    tokens_in    bigint NOT NULL,
    tokens_out   bigint NOT NULL,
    data         text
);
CREATE INDEX events_session ON events (session, number);

CREATE TABLE api_keys (
    id               text PRIMARY KEY,    -- no secret: it finds the row
    digest           bytea NOT NULL,      -- SHA-256 of the secret: 256 random bits, which nobody can guess, need no slow hash
    app              text NOT NULL,
    scope            text NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    external_user_id text,                -- reaches this user's sessions only
    label            text,
    created_ms       bigint NOT NULL,
    revoked_ms       bigint
);

CREATE TABLE garbage (                     -- logs whose session is gone and whose rows are still being removed, in slices
    log bigint PRIMARY KEY
);

CREATE TABLE idempotency_keys (            -- keys under which writes were done: only digests and numbers
    app      text NOT NULL,
    key      bytea NOT NULL,               -- SHA-256 of it
    request  bytea NOT NULL,               -- SHA-256 of the key and of what was asked for
    session  bigint,                       -- goes with it; NULL: of a write that is about no session, or that removed it
    result   text NOT NULL,                -- JSON: numbers of what was written
    until_ms bigint NOT NULL,
    PRIMARY KEY (app, key)
);
CREATE INDEX idempotency_keys_session ON idempotency_keys (session) WHERE session IS NOT NULL;
CREATE INDEX idempotency_keys_until ON idempotency_keys (until_ms);

CREATE TABLE leases (                      -- which instance does what any of them could do; past its time: work that nobody finishes
    work     text NOT NULL,
    app      text NOT NULL,
    subject  text NOT NULL,
    holder   text NOT NULL,
    until_ms bigint NOT NULL,
    PRIMARY KEY (work, app, subject)
);

CREATE TABLE inbox (                       -- what bots took in: open until it is answered and the answer delivered
    number           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- the order of arrival
    app              text NOT NULL,
    interface_type   text NOT NULL,
    external_id      text NOT NULL,
    conversation_id  text NOT NULL,
    external_user_id text,
    payload          text NOT NULL,        -- JSON of the bot; '' when done
    progress         text NOT NULL,        -- JSON of the bot: which parts are delivered
    created_ms       bigint NOT NULL,
    done_ms          bigint,
    UNIQUE (app, interface_type, external_id)
);
CREATE INDEX inbox_open ON inbox (app, interface_type, number) WHERE done_ms IS NULL;
CREATE INDEX inbox_done ON inbox (done_ms) WHERE done_ms IS NOT NULL;
