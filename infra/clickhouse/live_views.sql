-- The plain names over the live generation. FINAL stands inside: from outside a view it is ignored.
CREATE OR REPLACE VIEW ${database}.events AS SELECT * FROM ${database}.events_g${g} FINAL
COMMENT 'Every event, once.';
CREATE OR REPLACE VIEW ${database}.video_views AS SELECT * FROM ${database}.video_views_g${g} FINAL
COMMENT 'One row a view, with its totals so far.';
CREATE OR REPLACE VIEW ${database}.edges AS SELECT *, ver FROM ${database}.edges_g${g} FINAL
COMMENT 'Follows, likes and deleted comments as they stand now; on = false: undone.';
CREATE OR REPLACE VIEW ${database}.impressions AS SELECT * FROM ${database}.impressions_g${g} FINAL
COMMENT 'What was seen in feeds, once for each slate.';
CREATE OR REPLACE VIEW ${database}.offsets_loaded AS SELECT * FROM ${database}.offsets_loaded_g${g} FINAL
COMMENT 'Which offsets of which partition are in the tables.';
CREATE OR REPLACE VIEW ${database}.video_hourly AS SELECT * FROM ${database}.video_hourly_g${g} FINAL WHERE plays > 0
COMMENT 'Views of a video by the hour; viewers: uniqCombined64Merge(viewers).';
CREATE OR REPLACE VIEW ${database}.creator_daily AS SELECT * FROM ${database}.creator_daily_g${g} FINAL WHERE plays > 0
COMMENT 'Views of a creator by the day; viewers: uniqCombined64Merge(viewers).';
