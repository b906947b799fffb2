"""Reports: what an answer becomes for people and scripts, a page to look at, a table of decisions and a summary."""
