-- outbox.db of vcli 0.1.0, before databases had versions: what python's sqlite3 dumps of one.
BEGIN TRANSACTION;
CREATE TABLE detached( id text primary key, node text not null, what text not null, put_ms integer not null, until_ms integer not null, state text not null, why text);
INSERT INTO "detached" VALUES('1f11c98e1d0d8d8cb9a2a25bb5fd71b5','4130e9d2c06fa1060d1e60c6d569ace76aa84440','pipeline stop film',1796033393907,1796119793907,'waiting',NULL);
INSERT INTO "detached" VALUES('2f11c98e1d0d8d8cb9a2a25bb5fd71b5','f07d5ebbbed37a9fa10d114dba470429c836e571','node start',1796033393908,1796119793908,'failed','nobody has this mailbox');
CREATE TABLE outbox( seq integer primary key autoincrement, id text not null, message text not null);
INSERT INTO "outbox" VALUES(2,'1f11c98e1d0d8d8cb9a2a25bb5fd71b5','{"dsn":"1","kind":"command","n":"2"}');
CREATE TABLE wanted_end( job text not null, node text not null, verb text not null, since_ms integer not null, told_ms integer not null, again_ms integer not null, primary key(job, node)) without rowid;
INSERT INTO "wanted_end" VALUES('film','4130e9d2c06fa1060d1e60c6d569ace76aa84440','stop',1796033393907,0,0);
INSERT INTO "wanted_end" VALUES('film','f07d5ebbbed37a9fa10d114dba470429c836e571','close',1796033393907,1796033394907,1796033399907);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',2);
COMMIT;
