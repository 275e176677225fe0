-- What providers count beside what was counted here: sums of the reports for prompts of a model, by the tokenizer of their sessions.

CREATE TABLE calibrations (
    app             TEXT NOT NULL,
    tokenizer       TEXT NOT NULL,
    model           TEXT NOT NULL,
    calls           INTEGER NOT NULL,
    counted_tokens  INTEGER NOT NULL,
    reported_tokens INTEGER NOT NULL,
    correction      INTEGER NOT NULL,    -- percent
    reported_ms     INTEGER NOT NULL,
    PRIMARY KEY (app, tokenizer, model)
) STRICT, WITHOUT ROWID;

ALTER TABLE events ADD COLUMN cache_read_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN counted_tokens INTEGER;
ALTER TABLE sessions ADD COLUMN usage_cache_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN correction INTEGER NOT NULL DEFAULT 100;
