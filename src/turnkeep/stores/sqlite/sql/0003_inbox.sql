-- What bots took in: open until it is answered and the answer delivered; then its id alone is known for a while.

CREATE TABLE inbox (
    number           INTEGER PRIMARY KEY,   -- the order of arrival
    app              TEXT NOT NULL,
    interface_type   TEXT NOT NULL,
    external_id      TEXT NOT NULL,
    conversation_id  TEXT NOT NULL,
    external_user_id TEXT,
    payload          TEXT NOT NULL,         -- JSON of the bot; '' when done
    progress         TEXT NOT NULL,         -- JSON of the bot: which parts are delivered
    created_ms       INTEGER NOT NULL,
    done_ms          INTEGER,
    UNIQUE (app, interface_type, external_id)
) STRICT;
CREATE INDEX inbox_open ON inbox (app, interface_type, number) WHERE done_ms IS NULL;
CREATE INDEX inbox_done ON inbox (done_ms) WHERE done_ms IS NOT NULL;
