PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE marks (
    mark  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE roles (
    id   INTEGER PRIMARY KEY,
    role TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO roles VALUES(0,'chat');
INSERT INTO roles VALUES(1,'media');
INSERT INTO roles VALUES(2,'call');
INSERT INTO roles VALUES(3,'push');
INSERT INTO roles VALUES(4,'backup');
INSERT INTO roles VALUES(5,'telemetry');
INSERT INTO roles VALUES(6,'account');
INSERT INTO roles VALUES(7,'update');
INSERT INTO roles VALUES(8,'web');
INSERT INTO roles VALUES(9,'unknown');
CREATE TABLE devices (
    id     INTEGER PRIMARY KEY,
    device TEXT NOT NULL UNIQUE,
    label  TEXT
) STRICT;
INSERT INTO devices VALUES(1,'02:00:00:00:07:17',NULL);
CREATE TABLE addresses (
    device  INTEGER NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (device, address)
) STRICT, WITHOUT ROWID;
INSERT INTO addresses VALUES(1,'192.168.7.23');
INSERT INTO addresses VALUES(1,'2001:db8:7::23');
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
INSERT INTO subjects VALUES(1,'whatsapp','WhatsApp','Meta','messenger',0,'history sync to a newly linked device');
INSERT INTO subjects VALUES(2,'signal','Signal','Signal Technology Foundation','messenger',0,'Signal Secure Backups');
INSERT INTO subjects VALUES(3,'google','Google','Google','os',0,NULL);
INSERT INTO subjects VALUES(4,'dns','Name lookups (DNS)','various','os',0,NULL);
INSERT INTO subjects VALUES(5,'lan','Local network','the local network','os',0,NULL);
INSERT INTO subjects VALUES(6,'unattributed','unattributed','','unattributed',0,NULL);
CREATE TABLE destinations (
    id          INTEGER PRIMARY KEY,
    destination TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO destinations VALUES(1,'mmg.whatsapp.net');
INSERT INTO destinations VALUES(2,'chat.signal.org');
INSERT INTO destinations VALUES(3,'cdn2.signal.org');
INSERT INTO destinations VALUES(4,'gstatic.com');
INSERT INTO destinations VALUES(5,'192.168.0.0/16');
INSERT INTO destinations VALUES(6,'ff00::/8');
INSERT INTO destinations VALUES(7,'2001:db8:7::/48');
CREATE TABLE names (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    subject    INTEGER NOT NULL DEFAULT 0,
    background INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, subject, background)
) STRICT;
INSERT INTO names VALUES(1,'mmg.whatsapp.net',1,0);
INSERT INTO names VALUES(2,'chat.signal.org',2,0);
INSERT INTO names VALUES(3,'cdn2.signal.org',2,0);
INSERT INTO names VALUES(4,'connectivitycheck.gstatic.com',3,1);
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
INSERT INTO minutes VALUES(1,29924882,1,1,1,18269,5334,20165,6970,15268,0,0,67,3);
INSERT INTO minutes VALUES(1,29924882,2,0,2,1236,1780,2036,2508,0,0,0,21,1);
INSERT INTO minutes VALUES(1,29924882,2,1,3,482,5987,1010,6567,0,0,0,21,1);
INSERT INTO minutes VALUES(1,29924882,3,9,4,110,78,378,346,0,0,0,10,1);
INSERT INTO minutes VALUES(1,29924882,4,9,5,645,1591,1149,2095,0,0,0,36,18);
INSERT INTO minutes VALUES(1,29924882,5,9,6,32,0,72,0,0,0,0,1,1);
INSERT INTO minutes VALUES(1,29924882,6,9,7,0,32,0,72,0,0,0,1,1);
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
CREATE TABLE named (
    device INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    name   INTEGER NOT NULL,
    PRIMARY KEY (device, minute, name)
) STRICT, WITHOUT ROWID;
INSERT INTO named VALUES(1,29924882,1);
INSERT INTO named VALUES(1,29924882,2);
INSERT INTO named VALUES(1,29924882,3);
INSERT INTO named VALUES(1,29924882,4);
CREATE TABLE seen (
    device  INTEGER NOT NULL,
    hour    INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    PRIMARY KEY (device, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO seen VALUES(1,498748,4);
CREATE TABLE evidence (
    device      INTEGER NOT NULL,
    subject     INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    evidence    INTEGER NOT NULL,
    PRIMARY KEY (device, subject, role, destination)
) STRICT, WITHOUT ROWID;
INSERT INTO evidence VALUES(1,1,1,1,7);
INSERT INTO evidence VALUES(1,2,0,2,7);
INSERT INTO evidence VALUES(1,2,1,3,7);
INSERT INTO evidence VALUES(1,3,9,4,7);
INSERT INTO evidence VALUES(1,4,9,5,5);
INSERT INTO evidence VALUES(1,5,9,6,2);
INSERT INTO evidence VALUES(1,6,9,7,0);
CREATE TABLE evidences (
    id       INTEGER PRIMARY KEY,
    evidence TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO evidences VALUES(0,'none');
INSERT INTO evidences VALUES(1,'asn');
INSERT INTO evidences VALUES(2,'prefix');
INSERT INTO evidences VALUES(3,'inherited');
INSERT INTO evidences VALUES(4,'dns');
INSERT INTO evidences VALUES(5,'signature');
INSERT INTO evidences VALUES(6,'quic-sni');
INSERT INTO evidences VALUES(7,'sni');
INSERT INTO evidences VALUES(8,'process');
INSERT INTO evidences VALUES(9,'uid');
CREATE TABLE sources (
    id        INTEGER PRIMARY KEY,
    sensor    TEXT NOT NULL,
    interface TEXT NOT NULL,
    UNIQUE (sensor, interface)
) STRICT;
CREATE TABLE watched (
    source  INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    "end"   INTEGER NOT NULL,
    dropped REAL NOT NULL,
    PRIMARY KEY (source, first)
) STRICT, WITHOUT ROWID;
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
INSERT INTO files VALUES(1,'captures/genuine/tls13/traffic.pcap','e91f9fbdb4c0253fea7430ce516ea2783c00b11890c6caca406953fbdc9d60d8',119,1795492962053056000,1795492962295007000,'ethernet',0,2,0,0);
INSERT INTO files VALUES(2,'captures/genuine/http1-plain/traffic.pcap','ba5b12f79320c8e4ee24d4a9d38149d6c6e66412a458121bc2389da324f973e7',43,1795492967751767000,1795492967767219000,'ethernet',0,0,0,0);
CREATE TABLE captured (
    source         INTEGER NOT NULL,
    hour           INTEGER NOT NULL,
    frames         INTEGER NOT NULL,
    wire           INTEGER NOT NULL,
    nobody_wire    INTEGER NOT NULL,
    nobody_payload INTEGER NOT NULL,
    PRIMARY KEY (source, hour)
) STRICT, WITHOUT ROWID;
INSERT INTO captured VALUES(0,498748,162,43672,304,168);
CREATE TABLE losses (
    what  TEXT NOT NULL,
    hour  INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (what, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL,
    made         INTEGER NOT NULL,
    first        INTEGER,
    "end"        INTEGER,
    version      TEXT NOT NULL,
    rules_sha256 TEXT NOT NULL
) STRICT;
INSERT INTO runs VALUES(1,'check',1795492967767219000,NULL,NULL,'0.1.0','082d503e1ee07a3ce5a64cb84863462bbee3a4c3a7ca2fa31168fed8aed34e6f');
INSERT INTO runs VALUES(2,'check',1795492967767219000,NULL,NULL,'0.1.0','082d503e1ee07a3ce5a64cb84863462bbee3a4c3a7ca2fa31168fed8aed34e6f');
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
INSERT INTO verdicts VALUES(1,1,1,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(1,1,2,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(1,1,3,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(1,1,4,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(1,1,5,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(1,1,6,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(2,1,1,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(2,1,2,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(2,1,3,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(2,1,4,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(2,1,5,'insufficient',NULL,0.0,0,NULL);
INSERT INTO verdicts VALUES(2,1,6,'insufficient',NULL,0.0,0,NULL);
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
INSERT INTO nights VALUES(1,1,29924670,2,0.0,18109,18269,0,0,0);
INSERT INTO nights VALUES(1,2,29924670,2,0.0,1485,1718,0,0,0);
INSERT INTO nights VALUES(1,3,29924670,2,0.0,108,110,0,0,0);
INSERT INTO nights VALUES(1,4,29924670,2,0.0,598,645,0,0,0);
INSERT INTO nights VALUES(1,5,29924670,2,0.0,32,32,0,0,0);
CREATE VIEW readable AS
SELECT d.device, d.label, datetime(m.minute * 60, 'unixepoch') AS utc, s.subject, r.role, t.destination,
       m.up, m.down, m.wire_up, m.wire_down, m.bulk_up, m.stream_up, m.stream_down, m.packets, m.flows
FROM minutes m
JOIN devices d ON d.id = m.device
JOIN subjects s ON s.id = m.subject
JOIN roles r ON r.id = m.role
JOIN destinations t ON t.id = m.destination;
COMMIT;
