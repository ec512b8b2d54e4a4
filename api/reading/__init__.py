"""What may be read: feeds, videos, people; each page whole and with its tag."""
