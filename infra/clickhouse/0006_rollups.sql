-- Rollups: recomputed as a whole from deduplicated rows for every (video, day) that new rows touched,
-- never added to, so that running one twice changes nothing. The newest computation is kept.
-- ORDER BY: a chart is one video (one creator) over time.
CREATE TABLE IF NOT EXISTS ${database}.video_hourly_g${g}
(
    video_id String COMMENT 'The video.',
    hour DateTime('UTC') COMMENT 'The hour in which the views began.',
    creator_id String COMMENT 'Its creator; empty when unknown.',
    plays UInt64 COMMENT 'Views begun.',
    engaged_views UInt64 COMMENT 'Watched for 3 s or half the length, whichever is less; own views left out.',
    viewers AggregateFunction(uniqCombined64, String) COMMENT 'Different viewers; read with uniqCombined64Merge.',
    watch_ms UInt64 COMMENT 'Time watched, all loops.',
    completions UInt64 COMMENT 'Views that saw 95 % of the content.',
    replays UInt64 COMMENT 'Views with at least one loop.',
    skips UInt64 COMMENT 'Left by a skip in under 2 s.',
    stall_ms UInt64 COMMENT 'Time viewers waited for data.',
    computed_at DateTime64(3, 'UTC') COMMENT 'When this row was computed; the newest is kept.'
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(hour)
ORDER BY (video_id, hour)
COMMENT 'Views of a video by the hour. Read it through the view `video_hourly`.';

CREATE TABLE IF NOT EXISTS ${database}.creator_daily_g${g}
(
    creator_id String COMMENT 'The creator.',
    day Date COMMENT 'The day, UTC.',
    plays UInt64 COMMENT 'Views begun, over all of the creator''s videos.',
    engaged_views UInt64 COMMENT 'As in video_hourly.',
    viewers AggregateFunction(uniqCombined64, String) COMMENT 'Different viewers; read with uniqCombined64Merge.',
    watch_ms UInt64 COMMENT 'Time watched, all loops.',
    completions UInt64 COMMENT 'Views that saw 95 % of the content.',
    videos UInt64 COMMENT 'Videos that were watched that day.',
    computed_at DateTime64(3, 'UTC') COMMENT 'When this row was computed; the newest is kept.'
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(day)
ORDER BY (creator_id, day)
COMMENT 'Views of a creator by the day. Read it through the view `creator_daily`.';
