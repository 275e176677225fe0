-- How far a migration into this database has come; no row, unless one has begun and not ended.

CREATE TABLE transfer (
    mark text NOT NULL             -- JSON of the migration
);
