"""Fan-out on write as tutorials do it: who follows, and a pipeline that adds and cuts each feed."""

import redis
from task import PREFIX, TASK, begin, report

KEPT = 500
PIPE = 1_000


def main() -> None:
    client = redis.Redis.from_url(TASK["redis_url"], decode_responses=True)
    client.ping()
    begin()
    delivered = 0
    for video, author, at in TASK["uploads"]:
        followers = client.zrange(f"{PREFIX}followers:{author}", 0, -1)
        for first in range(0, len(followers), PIPE):
            with client.pipeline(transaction=False) as pipe:
                for user in followers[first : first + PIPE]:
                    feed = f"{PREFIX}following:{user}"
                    pipe.zadd(feed, {f"{video} {author}": at})
                    pipe.zremrangebyrank(feed, 0, -KEPT - 1)
                pipe.execute()
        delivered += len(followers)
    report(delivered)


if __name__ == "__main__":
    main()
