-- One row a view. Its events carry running totals, so the last one says it all.
--
-- Version: view.ended before heartbeats before view.started, then seq, then watch_ms (values merge by
-- max). Never the offset: totals are cumulative, and a late heartbeat must not win over the end.
-- ORDER BY video first: every page of a creator's statistics asks by video and day. The day comes from
-- started_at, which all events of a view share, so that they meet in one partition.
CREATE TABLE IF NOT EXISTS ${database}.video_views_g${g}
(
    view_id String COMMENT 'The view, named by the client.',
    viewer_id String COMMENT 'Who watched: a user, or anon:<device>.',
    video_id String COMMENT 'The video.',
    creator_id String COMMENT 'Its creator; empty when unknown.',
    sound_id String COMMENT 'Its sound; empty for none.',
    hashtags Array(LowCardinality(String)) COMMENT 'Its hashtags.',
    surface LowCardinality(String) COMMENT 'Where it was watched: fyp, following, profile, ...',
    request_id String COMMENT 'The slate that offered it; empty for none.',
    position UInt16 COMMENT 'Its place in that slate, from 0.',
    source LowCardinality(String) COMMENT 'Who told us, such as /client/ios.',
    country LowCardinality(String) COMMENT 'ISO 3166 code; empty when not told.',
    platform LowCardinality(String) COMMENT 'ios, android, web, ...; empty when not told.',
    started_at DateTime64(3, 'UTC') COMMENT 'When the view began.',
    duration_ms UInt32 COMMENT 'The video''s length; 0 when unknown.',
    watch_ms UInt32 COMMENT 'Time watched, all loops.',
    content_ms UInt32 COMMENT 'Each part counted once; at most the length.',
    max_pos_ms UInt32 COMMENT 'The furthest position reached.',
    loops UInt16 COMMENT 'How often it began again.',
    seg_mask UInt32 COMMENT 'Which twentieths were seen: bit 0 is the first 5 %.',
    startup_ms UInt32 COMMENT 'From tap to first picture; 0 when not told.',
    stall_ms UInt32 COMMENT 'Time spent waiting for data.',
    rung UInt16 COMMENT 'Short edge of the rendition at the start; 0 when not told.',
    exit_reason LowCardinality(String) COMMENT 'completed, swiped, skipped, ...; open while nothing ended it.',
    is_self Bool COMMENT 'The creator watching their own video.',
    seq UInt32 COMMENT 'The number of the event that this row comes from; 0 is the start.',
    ver UInt64 COMMENT 'Which of a view''s events wins: the greatest.',
    k_topic LowCardinality(String) COMMENT 'Where that event stands in the log: the topic,',
    k_partition UInt16 COMMENT 'the partition,',
    k_offset UInt64 COMMENT 'and the offset.' CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree(ver)
PARTITION BY toYYYYMM(started_at)
ORDER BY (video_id, toDate(started_at), view_id)
COMMENT 'One row a view, its totals so far. Read it through the view `video_views`.';
