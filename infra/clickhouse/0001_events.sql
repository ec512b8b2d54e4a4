-- Every event, once. The log in columns: what has no column of its own is in props.
--
-- Version: k_offset. A client's retry stands at another offset with the same event_id and the same
-- occurred_at (law 1), so its sort key is the same and one row is left. received_at could tie.
-- ORDER BY: analysts ask for a type over a time, then for a video; event_id makes the row unique.
-- PARTITION BY event time, never load time: a replacing table merges only inside a partition.
CREATE TABLE IF NOT EXISTS ${database}.events_g${g}
(
    event_id UUID COMMENT 'Made by the client; a retry carries the same.',
    event_type LowCardinality(String) COMMENT 'Such as video.liked.',
    source LowCardinality(String) COMMENT 'Who produced it, such as /client/ios or /svc/transcoder.',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened, by the producer''s clock; held in 1970 to 2105.',
    received_at DateTime64(3, 'UTC') COMMENT 'When the API received it.',
    actor_id String COMMENT 'Who did it: a user, or anon:<device>.',
    device_id String COMMENT 'The device; empty when not told.',
    session_id String COMMENT 'The session; empty when not told.',
    video_id String COMMENT 'The video it is about; empty for none.',
    creator_id String COMMENT 'The video''s creator; empty when unknown.',
    target_id String COMMENT 'The other thing it is about: followed user, comment, view, upload or share.',
    sound_id String COMMENT 'The video''s sound; empty for none.',
    hashtags Array(LowCardinality(String)) COMMENT 'The video''s hashtags.',
    surface LowCardinality(String) COMMENT 'Where in the product: fyp, following, profile, ...',
    request_id String COMMENT 'The served slate it belongs to; empty for none.',
    position UInt16 COMMENT 'The place in that slate, from 0.',
    country LowCardinality(String) COMMENT 'ISO 3166 code; empty when not told.',
    platform LowCardinality(String) COMMENT 'ios, android, web, ...; empty when not told.',
    props String DEFAULT '{}' COMMENT 'The type''s other fields, as JSON. Sealed fields are not here.' CODEC(ZSTD(3)),
    k_topic LowCardinality(String) COMMENT 'Where it stands in the log: the topic,',
    k_partition UInt16 COMMENT 'the partition,',
    k_offset UInt64 COMMENT 'and the offset; also the version: the greatest is kept.' CODEC(Delta, ZSTD),
    INDEX by_event event_id TYPE bloom_filter GRANULARITY 4,
    INDEX by_video video_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(k_offset)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (event_type, toStartOfHour(occurred_at), video_id, event_id)
COMMENT 'Every event, once. Read it through the view `events`.';
