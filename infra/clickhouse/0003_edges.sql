-- Who follows whom, who likes what: the state now, undone ones kept as rows with on = false.
--
-- Version: (occurred_at, event_id) as one number, the same rule as in every other store: like at 5,
-- unlike at 6, a retry of the like at 7 ends unliked. The engine takes neither tuples nor UUIDs as a
-- version, so 64 bits of time stand above 128 bits of id.
-- ORDER BY dst before src: the common questions are "how many like this" and "who follows her".
-- No PARTITION BY: an edge's events may lie years apart, and must meet to replace each other.
CREATE TABLE IF NOT EXISTS ${database}.edges_g${g}
(
    edge LowCardinality(String) COMMENT 'follow, like, or comment_deleted.',
    src String COMMENT 'Who: the actor.',
    dst String COMMENT 'Whom or what: a user, a video, a comment.',
    on Bool COMMENT 'Whether it holds now.',
    at DateTime64(3, 'UTC') COMMENT 'Since when, clamped to [received - 7 d, received + 5 min].',
    event_id UUID COMMENT 'The event that said so.',
    ver UInt256 MATERIALIZED bitOr(
        bitShiftLeft(toUInt256(toUnixTimestamp64Milli(at)), 128), toUInt256(toUInt128(event_id))
    ) COMMENT 'Which event wins: (at, event_id), the greatest.',
    k_topic LowCardinality(String) COMMENT 'Where that event stands in the log: the topic,',
    k_partition UInt16 COMMENT 'the partition,',
    k_offset UInt64 COMMENT 'and the offset.'
)
ENGINE = ReplacingMergeTree(ver)
ORDER BY (edge, dst, src)
COMMENT 'Follows, likes and deleted comments as current state. Read it through the view `edges`.';
