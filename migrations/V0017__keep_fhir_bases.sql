-- Where the references of a connection's resources lead: host, port and path of the FHIR bases of the
-- plan's server, separated by spaces. Columns with an id are made with it, so it is kept beside the
-- resources: tables are rebuilt without the configuration. NULL: only relative references lead here.
ALTER TABLE connection ADD COLUMN fhir_bases TEXT;
