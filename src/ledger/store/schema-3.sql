-- Where a device was seen: source 0 is captures read in, -1 (of ledgers from before) not known.
CREATE TABLE seen_where (
    device  INTEGER NOT NULL,
    hour    INTEGER NOT NULL,
    source  INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    PRIMARY KEY (device, hour, source)
) STRICT, WITHOUT ROWID;

INSERT INTO seen_where SELECT device, hour, -1, minutes FROM seen;
DROP TABLE seen;
ALTER TABLE seen_where RENAME TO seen;

-- Rows read of a log.
ALTER TABLE files ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
