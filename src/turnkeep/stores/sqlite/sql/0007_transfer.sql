-- How far a migration into this file has come; no row, unless one has begun and not ended.

CREATE TABLE transfer (
    mark TEXT NOT NULL             -- JSON of the migration
) STRICT;
