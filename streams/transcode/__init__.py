"""The transcode effector: jobs that the renditions fold decided, done and told to the log."""
