-- When a consent ends at the plan, as its token endpoint told it; NULL, where it does not.
ALTER TABLE connection ADD COLUMN consent_ends_at TEXT;
