-- A reference such as urn:uuid:… means something within the Bundle that brought the resource, and
-- nowhere else. Where it led there is kept, since a rebuild has no Bundle.
ALTER TABLE resource ADD COLUMN bundle_references TEXT; -- JSON: the reference, and Type/id; mostly NULL
