-- What of the log is in the tables: written after the rows, so that it never claims too much.
--
-- A row is a run: the offsets [first, next) that one worker loaded without a gap. The run's row is
-- written again with a greater `next` after each batch, and the greatest is kept.
-- ORDER BY: a partition's runs side by side, in order; the position is the end of the first unbroken
-- chain of them.
CREATE TABLE IF NOT EXISTS ${database}.offsets_loaded_g${g}
(
    topic LowCardinality(String) COMMENT 'The topic,',
    partition UInt16 COMMENT 'and its partition.',
    first UInt64 COMMENT 'The run''s first offset.',
    next UInt64 COMMENT 'The offset after its last: the next to load.',
    clock UInt64 COMMENT 'The broker''s time of the newest record loaded, epoch ms.',
    rows Map(String, UInt64) COMMENT 'Rows sent in this run, by table, repetitions included.'
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (topic, partition, first)
COMMENT 'Which offsets of which partition are in the tables.';
