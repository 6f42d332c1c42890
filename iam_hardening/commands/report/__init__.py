"""What a rehearsal found, as a page to look at and as Markdown for a pull request (docs/report.md)."""
