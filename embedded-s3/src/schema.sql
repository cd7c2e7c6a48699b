-- Keys are BLOBs: they compare byte by byte, which is the order of S3's lists, and may hold any UTF-8.
-- Times are seconds since 1970. ETags stand without quotes.

CREATE TABLE bucket (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    created_s INTEGER NOT NULL,
    -- Cross-origin rules as JSON, if any.
    cors      TEXT
);

CREATE TABLE object (
    id         INTEGER PRIMARY KEY,
    bucket_id  INTEGER NOT NULL REFERENCES bucket (id),
    key        BLOB NOT NULL,
    len_bytes  INTEGER NOT NULL,
    etag       TEXT NOT NULL,
    modified_s INTEGER NOT NULL,
    headers    TEXT NOT NULL,
    -- The multipart upload it came from: a completion sent twice is recognised by it.
    upload_id  TEXT,
    UNIQUE (bucket_id, key)
);

-- The bytes of an object: its blobs one after the other. Copies share blobs.
CREATE TABLE extent (
    object_id INTEGER NOT NULL REFERENCES object (id) ON DELETE CASCADE,
    ordinal   INTEGER NOT NULL,
    blob      TEXT NOT NULL,
    len_bytes INTEGER NOT NULL,
    PRIMARY KEY (object_id, ordinal)
) WITHOUT ROWID;

CREATE INDEX extent_by_blob ON extent (blob);

CREATE TABLE upload (
    id          TEXT PRIMARY KEY,
    bucket_id   INTEGER NOT NULL REFERENCES bucket (id),
    key         BLOB NOT NULL,
    initiated_s INTEGER NOT NULL,
    headers     TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX upload_by_key ON upload (bucket_id, key, id);

CREATE TABLE part (
    upload_id  TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    blob       TEXT NOT NULL,
    len_bytes  INTEGER NOT NULL,
    etag       TEXT NOT NULL,
    modified_s INTEGER NOT NULL,
    PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;
