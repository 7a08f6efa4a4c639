-- The ledger of nightaudit, schema 1 (docs/ledger.md). Bytes are payload unless they say wire. Minutes and hours are
-- counted from the Unix epoch, UTC.

CREATE TABLE marks (
    mark  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE roles (
    id   INTEGER PRIMARY KEY,
    role TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE devices (
    id     INTEGER PRIMARY KEY,
    device TEXT NOT NULL UNIQUE,
    label  TEXT
) STRICT;

CREATE TABLE addresses (
    device  INTEGER NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (device, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE subjects (
    id               INTEGER PRIMARY KEY,
    subject          TEXT NOT NULL,
    name             TEXT NOT NULL,
    operator         TEXT NOT NULL,
    kind             TEXT NOT NULL,
    tunnel           INTEGER NOT NULL DEFAULT 0,
    declared_feature TEXT,
    UNIQUE (subject, name, operator, kind)
) STRICT;

CREATE TABLE destinations (
    id          INTEGER PRIMARY KEY,
    destination TEXT NOT NULL UNIQUE
) STRICT;

-- A name looked up; subject 0 is none.
CREATE TABLE names (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    subject    INTEGER NOT NULL DEFAULT 0,
    background INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, subject, background)
) STRICT;

CREATE TABLE minutes (
    device      INTEGER NOT NULL,
    minute      INTEGER NOT NULL,
    subject     INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    up          INTEGER NOT NULL,
    down        INTEGER NOT NULL,
    wire_up     INTEGER NOT NULL,
    wire_down   INTEGER NOT NULL,
    bulk_up     INTEGER NOT NULL,
    stream_up   INTEGER NOT NULL,
    stream_down INTEGER NOT NULL,
    packets     INTEGER NOT NULL,
    flows       INTEGER NOT NULL,
    PRIMARY KEY (device, minute, subject, role, destination)
) STRICT, WITHOUT ROWID;

-- Minutes older than the retention, summed by the hour.
CREATE TABLE hours (
    device      INTEGER NOT NULL,
    hour        INTEGER NOT NULL,
    subject     INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    up          INTEGER NOT NULL,
    down        INTEGER NOT NULL,
    wire_up     INTEGER NOT NULL,
    wire_down   INTEGER NOT NULL,
    bulk_up     INTEGER NOT NULL,
    stream_up   INTEGER NOT NULL,
    stream_down INTEGER NOT NULL,
    packets     INTEGER NOT NULL,
    flows       INTEGER NOT NULL,
    PRIMARY KEY (device, hour, subject, role, destination)
) STRICT, WITHOUT ROWID;

-- What logs tell of long connections as a whole: it moved nobody knows when; minute: in which it began.
CREATE TABLE unplaced (
    device      INTEGER NOT NULL,
    minute      INTEGER NOT NULL,
    subject     INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    up          INTEGER NOT NULL,
    down        INTEGER NOT NULL,
    wire_up     INTEGER NOT NULL,
    wire_down   INTEGER NOT NULL,
    bulk_up     INTEGER NOT NULL,
    stream_up   INTEGER NOT NULL,
    stream_down INTEGER NOT NULL,
    packets     INTEGER NOT NULL,
    flows       INTEGER NOT NULL,
    PRIMARY KEY (device, minute, subject, role, destination)
) STRICT, WITHOUT ROWID;

-- Names that a device looked up, or that a server gave it, in a minute.
CREATE TABLE named (
    device INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    name   INTEGER NOT NULL,
    PRIMARY KEY (device, minute, name)
) STRICT, WITHOUT ROWID;

-- Minutes of an hour in which a device sent or got anything: bit 0 is minute 0.
CREATE TABLE seen (
    device  INTEGER NOT NULL,
    hour    INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    PRIMARY KEY (device, hour)
) STRICT, WITHOUT ROWID;

-- By what it is known whose a destination is: the strongest evidence met.
CREATE TABLE evidence (
    device      INTEGER NOT NULL,
    subject     INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    evidence    INTEGER NOT NULL,
    PRIMARY KEY (device, subject, role, destination)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidences (
    id       INTEGER PRIMARY KEY,
    evidence TEXT NOT NULL UNIQUE
) STRICT;

-- Where live traffic was captured.
CREATE TABLE sources (
    id        INTEGER PRIMARY KEY,
    sensor    TEXT NOT NULL,
    interface TEXT NOT NULL,
    UNIQUE (sensor, interface)
) STRICT;

-- Runs of minutes in which a source was capturing: first minute, the minute after the last, share of packets lost.
CREATE TABLE watched (
    source  INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    "end"   INTEGER NOT NULL,
    dropped REAL NOT NULL,
    PRIMARY KEY (source, first)
) STRICT, WITHOUT ROWID;

-- Captures that were read into the ledger. Stamps in nanoseconds since the epoch.
CREATE TABLE files (
    id          INTEGER PRIMARY KEY,
    path        TEXT NOT NULL,
    sha256      TEXT NOT NULL UNIQUE,
    packets     INTEGER NOT NULL,
    first       INTEGER,
    last        INTEGER,
    link_types  TEXT NOT NULL,
    malformed   INTEGER NOT NULL,
    unsupported INTEGER NOT NULL,
    lost        INTEGER NOT NULL,
    truncated   INTEGER NOT NULL
) STRICT;

-- Everything that was read, by the hour of its stamps; source 0: files. nobody_*: the part between ends neither of
-- which can be a device.
CREATE TABLE captured (
    source         INTEGER NOT NULL,
    hour           INTEGER NOT NULL,
    frames         INTEGER NOT NULL,
    wire           INTEGER NOT NULL,
    nobody_wire    INTEGER NOT NULL,
    nobody_payload INTEGER NOT NULL,
    PRIMARY KEY (source, hour)
) STRICT, WITHOUT ROWID;

-- What caps made the tool drop or lump together.
CREATE TABLE losses (
    what  TEXT NOT NULL,
    hour  INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (what, hour)
) STRICT, WITHOUT ROWID;

-- Audits that were made, and what they said: kept for ever.
CREATE TABLE runs (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL,
    made         INTEGER NOT NULL,
    first        INTEGER,
    "end"        INTEGER,
    version      TEXT NOT NULL,
    rules_sha256 TEXT NOT NULL
) STRICT;

CREATE TABLE verdicts (
    run             INTEGER NOT NULL,
    device          INTEGER NOT NULL,
    subject         INTEGER NOT NULL,
    verdict         TEXT NOT NULL,
    grade           TEXT,
    log10_e         REAL NOT NULL,
    eligible_nights INTEGER NOT NULL,
    worst_night     INTEGER,
    PRIMARY KEY (run, device, subject)
) STRICT, WITHOUT ROWID;

-- Night by night what the latest audit made of it; nights without upload are left out. start: its first minute.
CREATE TABLE nights (
    device            INTEGER NOT NULL,
    subject           INTEGER NOT NULL,
    start             INTEGER NOT NULL,
    run               INTEGER NOT NULL,
    coverage          REAL NOT NULL,
    unattended_up     INTEGER NOT NULL,
    unattended_raw_up INTEGER NOT NULL,
    bulk_up           INTEGER NOT NULL,
    attended_up       INTEGER NOT NULL,
    streams_up        INTEGER NOT NULL,
    PRIMARY KEY (device, subject, start)
) STRICT, WITHOUT ROWID;

-- The same minutes in words, for people with an SQL shell.
CREATE VIEW readable AS
SELECT d.device, d.label, datetime(m.minute * 60, 'unixepoch') AS utc, s.subject, r.role, t.destination,
       m.up, m.down, m.wire_up, m.wire_down, m.bulk_up, m.stream_up, m.stream_down, m.packets, m.flows
FROM minutes m
JOIN devices d ON d.id = m.device
JOIN subjects s ON s.id = m.subject
JOIN roles r ON r.id = m.role
JOIN destinations t ON t.id = m.destination;
