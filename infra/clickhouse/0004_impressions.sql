-- What was seen in feeds: one row for a video in a served slate.
--
-- Version: visible_ms, so that a second, longer report of the same impression wins.
-- ORDER BY video first, as in video_views: click-through is asked by video. No time in the key: the
-- reports of one impression differ in time and must replace each other; hence no PARTITION BY either.
CREATE TABLE IF NOT EXISTS ${database}.impressions_g${g}
(
    video_id String COMMENT 'The video seen.',
    request_id String COMMENT 'The slate; the event''s own id where the client told none.',
    viewer_id String COMMENT 'Who saw it.',
    creator_id String COMMENT 'The video''s creator; empty when unknown.',
    surface LowCardinality(String) COMMENT 'fyp, following, trending, ...',
    position UInt16 COMMENT 'Its place in the slate, from 0.',
    at DateTime64(3, 'UTC') COMMENT 'When it was seen.',
    visible_ms UInt32 COMMENT 'For how long; also the version: the longest report is kept.',
    pct_visible UInt8 COMMENT 'How much of it, in percent.',
    k_topic LowCardinality(String) COMMENT 'Where the event stands in the log: the topic,',
    k_partition UInt16 COMMENT 'the partition,',
    k_offset UInt64 COMMENT 'and the offset.' CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree(visible_ms)
ORDER BY (video_id, request_id, viewer_id)
COMMENT 'What was seen in feeds, once for each slate. Read it through the view `impressions`.';
