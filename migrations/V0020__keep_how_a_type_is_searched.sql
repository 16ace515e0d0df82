-- How a type must be searched for where a plan refuses the bare search: 'patient', when the patient
-- must be named; NULL, when that is not known or not needed.
ALTER TABLE type_state ADD COLUMN search TEXT CHECK (search IN ('patient'));
