-- What a fleet's server has not confirmed yet (docs/fleet.md). kind, a, b: 0 device, minute; 1 device; 2 evidence of
-- device, subject; 3 source; 4 captured source, hour; 5 file; 6 losses of an hour; 7 subject.
CREATE TABLE outbox (
    kind  INTEGER NOT NULL,
    a     INTEGER NOT NULL,
    b     INTEGER NOT NULL,
    flush INTEGER NOT NULL,
    PRIMARY KEY (kind, a, b)
) STRICT, WITHOUT ROWID;
