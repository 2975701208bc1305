-- known.db of vcli 0.1.0, before databases had versions: what python's sqlite3 dumps of one.
BEGIN TRANSACTION;
CREATE TABLE known_key( id text primary key, public text not null) without rowid;
INSERT INTO "known_key" VALUES('4130e9d2c06fa1060d1e60c6d569ace76aa84440','b5ab60dd107f60bf3d893453d444c72984bb0f4e637f2d6a81dd29ec22e8ee1617dbfc172d47b811f89ee5ab8071e8146edffe6c4adcfa4c1b70b7b9415ed9c3');
INSERT INTO "known_key" VALUES('636f532813512b439713d027e88ace5f8af3f154','17d2c04a8c631a30e032f7b2079b6270a43ded24a8fbe92e6ae064fce0fa8544eed8245de03b2eddc6896cfd596012d21950106dd7dc097eb283a558ab7fa8fd');
INSERT INTO "known_key" VALUES('f07d5ebbbed37a9fa10d114dba470429c836e571','edf0944309a24a459b061d844f05576cc971abfbfcd7d85e6e6e0295318711f4b6bf19727343247405b36cdca4d1f9af2bbddf1ed727870ec19855878f0b483a');
CREATE TABLE known_node(bus text not null, network text not null, id text not null, seen_ms integer not null, row text not null, primary key(bus, network, id)) without rowid;
INSERT INTO "known_node" VALUES('amqp://127.0.0.1:5672/','default','4130e9d2c06fa1060d1e60c6d569ace76aa84440',1796033393907,'{"role":"distributor","agent_id":"d967863c8697c1cc192b2bfe85b9158726712809","state":"running","maintenance":"off","mode":"managed","ip":"127.0.0.1","runtime":"process","ports":{"rtmp":"20013"},"job_count":"0"}');
INSERT INTO "known_node" VALUES('amqp://127.0.0.1:5672/','default','636f532813512b439713d027e88ace5f8af3f154',1796033393907,'{"role":"transcoder","agent_id":"d967863c8697c1cc192b2bfe85b9158726712809","state":"running","maintenance":"off","mode":"managed","ip":"127.0.0.1","runtime":"process","ports":{"rtmp":"20018"},"job_count":"0"}');
INSERT INTO "known_node" VALUES('amqp://127.0.0.1:5672/','default','f07d5ebbbed37a9fa10d114dba470429c836e571',1796033403047,'{"role":"storage","agent_id":"d967863c8697c1cc192b2bfe85b9158726712809","state":"running","maintenance":"off","mode":"managed","ip":"127.0.0.1","runtime":"process","ports":{"rtmp":"20015","http":"20016"},"job_count":"1"}');
COMMIT;
