-- Which instance does what any of them could do. A row that is past its time is work that nobody finishes.

CREATE TABLE leases (
    work     TEXT NOT NULL,
    app      TEXT NOT NULL,
    subject  TEXT NOT NULL,
    holder   TEXT NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (work, app, subject)
) STRICT, WITHOUT ROWID;
