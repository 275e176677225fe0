-- What providers count beside what was counted here: sums of the reports for prompts of a model, by the tokenizer of their sessions.

CREATE TABLE calibrations (
    app             text NOT NULL,
    tokenizer       text NOT NULL,
    model           text NOT NULL,
    calls           bigint NOT NULL,
    counted_tokens  bigint NOT NULL,
    reported_tokens bigint NOT NULL,
    correction      bigint NOT NULL,     -- percent
    reported_ms     bigint NOT NULL,
    PRIMARY KEY (app, tokenizer, model)
);

ALTER TABLE events ADD COLUMN cache_read_tokens bigint NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN counted_tokens bigint;
ALTER TABLE sessions ADD COLUMN usage_cache_read bigint NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN correction bigint NOT NULL DEFAULT 100;
